import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ModelCall } from '../gateway/model-call.ts';
import type { ModelGateway } from '../gateway/model-gateway.ts';
import type { ClassifierCache, ClassifierKey } from './classifier-cache.ts';
import type { Judgements, Lesson, TextInput } from './judgement.ts';
import { CORRECTIONS_MAX, learnClassifier } from './learned-classifier.ts';
import type { Taxonomy } from './taxonomy.ts';

const LEARNING_TIMEOUT_MS = 120_000;
/** Texts judged before other requests get their turn on the thread. */
const TEXTS_AT_ONCE = 16;

/** What a classifier is learned from. */
export interface LearningMatter {
  taxonomy: Taxonomy;
  /** Null: the taxonomy as it comes, the same for every workspace. */
  workspaceId: string | null;
  revision: number;
  /** At the most so many, the newest first. */
  readCorrections: (limit: number) => Promise<Lesson['corrections']>;
}

/** Labels by vectors: one call of the gateway for all texts, and a classifier that is learned once. */
export class EmbeddingJudge {
  readonly #gateway: ModelGateway;
  readonly #cache: ClassifierCache;

  constructor(gateway: ModelGateway, cache: ClassifierCache) {
    this.#gateway = gateway;
    this.#cache = cache;
  }

  /** @throws what the gateway throws: all texts are judged, or none */
  async judge(
    call: ModelCall,
    matter: LearningMatter,
    texts: readonly TextInput[],
    modelId: string,
  ): Promise<Judgements> {
    const { model, embeddings } = await this.#gateway.embed(call, {
      model: modelId,
      texts: texts.map(({ text }) => text),
      purpose: 'document',
    });
    const { taxonomy, workspaceId, revision } = matter;
    const key: ClassifierKey = { workspaceId, taxonomy: taxonomy.name, model: model.id, revision };
    const classify = await this.#cache.get(key, async () => {
      const corrections = await matter.readCorrections(CORRECTIONS_MAX);
      // Others wait for it too: it goes on when the caller that came first leaves.
      const lasting = { ...call, signal: AbortSignal.timeout(LEARNING_TIMEOUT_MS) };
      return learnClassifier(this.#gateway, lasting, { taxonomy, corrections, model });
    });
    const inputs = texts.map((input, i) => ({ ...input, vector: embeddings[i]?.vector as Float32Array }));
    const judged: Judgements['judged'][number][] = [];
    for (let start = 0; start < inputs.length; start += TEXTS_AT_ONCE) {
      if (start > 0) await nextTurn();
      const verdicts = classify(inputs.slice(start, start + TEXTS_AT_ONCE));
      judged.push(...verdicts.map((verdict) => ({ verdict, model: model.id })));
    }
    return { judged, failure: null };
  }
}
