import { z } from 'zod';
import type { ChatMessage } from '../../plugins/contract.ts';
import { PromptFile } from '../../shared/prompt-file.ts';
import { storableText } from '../../shared/text.ts';
import { beginsWithTitle } from '../documents/chunking.ts';
import { answersByKey, askInBatches, documentKey, type Replies, type Reply } from '../gateway/batched-questions.ts';
import { markedText, markerOf } from '../gateway/marked-texts.ts';
import type { ModelCall } from '../gateway/model-call.ts';
import type { ModelGateway } from '../gateway/model-gateway.ts';
import { generateObject } from '../gateway/structured-output.ts';
import type { SummarisableDocument, Summary } from './summary.ts';

const PROMPT = new PromptFile<'marker'>(new URL('./summarise-prompt.md', import.meta.url));

/** Of one text: its beginning, and where it is longer a part of its end, where conclusions stand. */
export const SUMMARISED_CHARACTERS = 6_000;
const TAIL_CHARACTERS = 1_500;
/** What is longer is no summary. */
const SUMMARY_MAX_CHARACTERS = 1_000;

/** Summaries by asking a model that writes: ten documents a question. */
export class LlmSummariser {
  readonly #gateway: ModelGateway;

  constructor(gateway: ModelGateway) {
    this.#gateway = gateway;
  }

  /** Summaries by the model that the workspace has chosen for `summarise`. What fails is told beside what was written. */
  summarise(call: ModelCall, documents: readonly SummarisableDocument[]): Promise<Replies<Summary>> {
    return askInBatches(documents, (batch) => this.#ask(call, batch));
  }

  /** @throws what the gateway throws; ProviderFailedError where the answer has not the right shape */
  async #ask(call: ModelCall, documents: readonly SummarisableDocument[]): Promise<Reply<Summary>> {
    const schema = answerSchema(documents.length);
    const input = {
      work: 'summarise' as const,
      messages: summariseMessages(documents),
      documentIds: documents.map(({ id }) => id),
    };
    const { value, answer } = await generateObject(this.#gateway, call, input, { name: 'summaries', schema });
    const said = answersByKey(value.documents, documents.length).map((given): Summary | null => {
      const text = storableText(given?.summary ?? '').trim();
      return text === '' ? null : { text: text.slice(0, SUMMARY_MAX_CHARACTERS).toWellFormed(), model: answer.model };
    });
    return { said, attempts: answer.attempts };
  }
}

function answerSchema(documentCount: number) {
  const keys = Array.from({ length: documentCount }, (_, place) => documentKey(place));
  return z.object({ documents: z.array(z.object({ document: z.enum(keys), summary: z.string() })) });
}

/** Asks for the summaries of documents. They stand between lines that nobody who writes one can forge. */
export function summariseMessages(documents: readonly Pick<SummarisableDocument, 'title' | 'text'>[]): ChatMessage[] {
  const texts = documents.map(summarisedText);
  const marker = markerOf(['summarise', texts]);
  const keys = texts.map((_, place) => documentKey(place)).join(', ');
  const marked = texts.map((text, place) => markedText(marker, `document ${documentKey(place)}`, text));
  const parts = [`The documents to summarise, ${texts.length} in all (${keys}):`, ...marked];
  return [
    { role: 'system', text: PROMPT.fill({ marker }) },
    { role: 'user', parts: [{ kind: 'text', text: parts.join('\n\n') }] },
  ];
}

function summarisedText({ title, text }: Pick<SummarisableDocument, 'title' | 'text'>): string {
  const heading = title?.trim() ?? '';
  const headed = heading === '' || beginsWithTitle(heading, text) ? '' : `${heading}\n`;
  if (headed.length + text.length <= SUMMARISED_CHARACTERS) return `${headed}${text}`;
  const head = `${headed}${text}`.slice(0, SUMMARISED_CHARACTERS - TAIL_CHARACTERS);
  return `${head}\n[…]\n${text.slice(-TAIL_CHARACTERS)}`.toWellFormed();
}
