import { ProviderError } from '../../plugins/errors.ts';
import { ProviderFailedError } from '../gateway/errors.ts';
import type { Attempt } from '../gateway/generation.ts';
import type { ModelCall } from '../gateway/model-call.ts';
import type { ModelGateway } from '../gateway/model-gateway.ts';
import { generateObject } from '../gateway/structured-output.ts';
import { withTaughtLabels } from './dimension-rows.ts';
import { isProviderFailure, type Judgement, type Judgements, type Lesson, type TextInput } from './judgement.ts';
import { classifyMessages, documentKey } from './llm-prompt.ts';
import { answerSchema, type DocumentAnswer, emptyVerdict, verdictOf } from './llm-verdict.ts';

/** Texts in one question. */
const BATCH_TEXTS = 10;
/** Questions under way at a time, of one caller. */
const BATCHES_AT_ONCE = 3;
/** Of one text: what people want stands at its beginning. */
export const LLM_TEXT_CHARACTERS = 3_000;
/** Corrections that those which are shown are chosen from. */
export const LLM_CORRECTIONS_MAX = 100;

/** Labels by asking a model that writes: ten texts a question. */
export class LlmClassifier {
  readonly #gateway: ModelGateway;

  constructor(gateway: ModelGateway) {
    this.#gateway = gateway;
  }

  /**
   * Judges texts by the model that the workspace has chosen for `classify`. What fails is told beside what was judged.
   * @param modelId what an empty text counts as judged by, for which no model is asked
   */
  async judge(call: ModelCall, lesson: Lesson, texts: readonly TextInput[], modelId: string): Promise<Judgements> {
    const { taxonomy, corrections } = lesson;
    const taught: Lesson = { taxonomy: withTaughtLabels(taxonomy, corrections), corrections };
    const run = new Run(this.#gateway, call, taught, texts);
    for (const [place, { text }] of texts.entries()) {
      if (text.trim() === '') run.judged[place] = { verdict: emptyVerdict(taxonomy), model: modelId };
    }
    await run.finish();
    return run;
  }
}

/** Some texts, and what has become of them so far. */
class Run implements Judgements {
  readonly #gateway: ModelGateway;
  readonly #call: ModelCall;
  readonly #lesson: Lesson;
  readonly #texts: readonly TextInput[];
  readonly judged: (Judgement | null)[];
  failure: unknown = null;

  constructor(gateway: ModelGateway, call: ModelCall, lesson: Lesson, texts: readonly TextInput[]) {
    this.#gateway = gateway;
    this.#call = call;
    this.#lesson = lesson;
    this.#texts = texts;
    this.judged = texts.map(() => null);
  }

  async finish(): Promise<void> {
    const places = [...this.judged.keys()].filter((place) => this.judged[place] === null);
    const batches: number[][] = [];
    for (let start = 0; start < places.length; start += BATCH_TEXTS) {
      batches.push(places.slice(start, start + BATCH_TEXTS));
    }
    const queue = batches.values();
    const work = async () => {
      for (const batch of queue) await this.#judge(batch);
    };
    await Promise.all(Array.from({ length: BATCHES_AT_ONCE }, work));
  }

  /** A text that an answer passes over is asked for once more, by itself. */
  async #judge(places: readonly number[]): Promise<void> {
    // What is no provider's fault would happen to all others too.
    if (this.failure !== null && !isProviderFailure(this.failure)) return;
    let attempts: readonly Attempt[];
    try {
      attempts = await this.#ask(places);
    } catch (error) {
      if (this.failure === null || !isProviderFailure(error)) this.failure = error;
      return;
    }
    const missing = places.filter((place) => this.judged[place] === null);
    if (places.length > 1) {
      for (const place of missing) await this.#judge([place]);
    } else if (missing.length > 0) {
      const passedOver = new ProviderError('malformed', 'the model passed over a text that it was asked for alone');
      this.failure ??= new ProviderFailedError(attempts, passedOver);
    }
  }

  /** @throws what the gateway throws; ProviderFailedError where the answer has not the right shape */
  async #ask(places: readonly number[]): Promise<readonly Attempt[]> {
    const texts = places.map((place) => this.#texts[place] as TextInput);
    const { taxonomy } = this.#lesson;
    const schema = answerSchema(
      taxonomy,
      texts.map((_, i) => documentKey(i)),
    );
    const input = {
      work: 'classify' as const,
      messages: classifyMessages(this.#lesson, texts),
      documentIds: texts.flatMap(({ documentId }) => documentId ?? []),
    };
    const { value, answer } = await generateObject(this.#gateway, this.#call, input, { name: 'labels', schema });
    for (const [i, text] of texts.entries()) {
      const said = onlyAnswer(value.documents, documentKey(i));
      if (said === null) continue;
      this.judged[places[i] as number] = { verdict: verdictOf(taxonomy, text, said), model: answer.model };
    }
    return answer.attempts;
  }
}

/** Two answers to one question are none: which of them is meant, nobody can tell. */
function onlyAnswer(answers: readonly DocumentAnswer[], key: string): DocumentAnswer | null {
  const [first, second] = answers.filter(({ document }) => document === key);
  return first === undefined || second !== undefined ? null : first;
}
