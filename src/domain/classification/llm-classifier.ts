import { answersByKey, askInBatches, documentKey, type Reply } from '../gateway/batched-questions.ts';
import type { ModelCall } from '../gateway/model-call.ts';
import type { ModelGateway } from '../gateway/model-gateway.ts';
import { generateObject } from '../gateway/structured-output.ts';
import { withTaughtLabels } from './dimension-rows.ts';
import type { Judgement, Judgements, Lesson, TextInput } from './judgement.ts';
import { classifyMessages } from './llm-prompt.ts';
import { answerSchema, emptyVerdict, verdictOf } from './llm-verdict.ts';

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
    const asked = texts.filter(({ text }) => text.trim() !== '');
    const { said, failure } = await askInBatches(asked, (batch) => this.#ask(call, taught, batch));
    const answers = said.values();
    const judged = texts.map(({ text }): Judgement | null =>
      text.trim() === '' ? { verdict: emptyVerdict(taxonomy), model: modelId } : (answers.next().value ?? null),
    );
    return { judged, failure };
  }

  /** @throws what the gateway throws; ProviderFailedError where the answer has not the right shape */
  async #ask(call: ModelCall, lesson: Lesson, texts: readonly TextInput[]): Promise<Reply<Judgement>> {
    const { taxonomy } = lesson;
    const schema = answerSchema(
      taxonomy,
      texts.map((_, i) => documentKey(i)),
    );
    const input = {
      work: 'classify' as const,
      messages: classifyMessages(lesson, texts),
      documentIds: texts.flatMap(({ documentId }) => documentId ?? []),
    };
    const { value, answer } = await generateObject(this.#gateway, call, input, { name: 'labels', schema });
    const said = answersByKey(value.documents, texts.length).map((given, i): Judgement | null =>
      given === null ? null : { verdict: verdictOf(taxonomy, texts[i] as TextInput, given), model: answer.model },
    );
    return { said, attempts: answer.attempts };
  }
}
