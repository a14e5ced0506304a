import { z } from 'zod';
import type { ChatMessage } from '../../../plugins/contract.ts';
import { PromptFile } from '../../../shared/prompt-file.ts';
import { storableText } from '../../../shared/text.ts';
import { detectLanguage } from '../../documents/language.ts';
import type { ModelCall } from '../../gateway/model-call.ts';
import type { ModelGateway } from '../../gateway/model-gateway.ts';
import { generateObject } from '../../gateway/structured-output.ts';
import type { AnswerCitation } from '../answer.ts';
import { type Answer, FOLLOW_UPS_MAX } from './answer.ts';
import { CitationMarkers } from './citation-markers.ts';
import { spokenLanguage } from './languages.ts';
import type { Passage } from './passage.ts';
import type { FoundPassages } from './passage-finder.ts';
import { markPassages } from './passages-prompt.ts';
import { quotedWords } from './quote.ts';
import { unknownAnswer } from './unknown-answer.ts';

const PROMPT = new PromptFile<'marker' | 'language'>(new URL('./ask-prompt.md', import.meta.url));

const FOLLOW_UP_CHARACTERS = 300;
/** What no quote bears out is worth no more than this. */
const UNSUPPORTED_CONFIDENCE = 0.2;

const SHAPE = z.object({
  answered: z.boolean(),
  answer: z.string(),
  citations: z.array(z.object({ passage: z.number(), quote: z.string() })),
  confidence: z.number(),
  followUpQuestions: z.array(z.string()),
});

/** Answers by asking a model that writes, and checks each of its quotes. */
export class LlmAnswerer {
  readonly #gateway: ModelGateway;

  constructor(gateway: ModelGateway) {
    this.#gateway = gateway;
  }

  /**
   * @param model the model to be asked; left out: the workspace's choice for chat
   * @throws as `generateObject`
   */
  async answer(call: ModelCall, question: string, found: FoundPassages, model?: string): Promise<Answer> {
    const { passages, strength } = found;
    const language = await detectLanguage(question);
    const messages = askMessages(question, language, passages);
    const documentIds = [...new Set(passages.map(({ documentId }) => documentId))];
    const input = { work: 'chat' as const, messages, documentIds, ...(model === undefined ? {} : { model }) };
    const { value, answer } = await generateObject(this.#gateway, call, input, { name: 'answer', schema: SHAPE });
    if (!value.answered) {
      const said = withoutMarkers(value.answer) || unknownAnswer(language);
      return { text: said, confidence: 0, citations: [], followUpQuestions: [], model: answer.model };
    }
    const { text, citations, kept } = checked(value, passages);
    const followUpQuestions = value.followUpQuestions
      .map((each) => storableText(each).trim())
      .filter((each) => each !== '' && each.length <= FOLLOW_UP_CHARACTERS)
      .slice(0, FOLLOW_UPS_MAX);
    const confidence = calibrated(value.confidence, strength, kept);
    return { text: text || unknownAnswer(language), confidence, citations, followUpQuestions, model: answer.model };
  }
}

/** @param language ISO 639-1; null where it cannot be told */
export function askMessages(question: string, language: string | null, passages: readonly Passage[]): ChatMessage[] {
  const { marker, text } = markPassages(question, passages);
  const spoken = language === null ? null : spokenLanguage(language);
  const system = PROMPT.fill({
    marker,
    language: spoken === null ? 'in the language of the question' : `in ${spoken}`,
  });
  return [
    { role: 'system', text: system },
    { role: 'user', parts: [{ kind: 'text', text: `${text}\n\nThe question:\n${question}` }] },
  ];
}

/** The answer with the quotes that stand in their passages, and with the markers of those alone. */
function checked(value: z.output<typeof SHAPE>, passages: readonly Passage[]) {
  const quotes = new Map<number, string>();
  for (const { passage, quote } of value.citations) {
    const source = passages[passage - 1];
    const words = source === undefined || quotes.has(passage) ? null : quotedWords(source.text, quote);
    if (words !== null) quotes.set(passage, words);
  }
  const citations: AnswerCitation[] = [];
  const ordinals = new Map<number, number>();
  const ordinalOf = (passage: number): number | null => {
    const quote = quotes.get(passage);
    if (quote === undefined) return null;
    const known = ordinals.get(passage);
    if (known !== undefined) return known;
    const { documentId, similarity } = passages[passage - 1] as Passage;
    ordinals.set(passage, citations.push({ documentId, quote, similarity: similarity ?? 0 }));
    return citations.length;
  };
  const markers = new CitationMarkers(ordinalOf);
  const text = storableText(markers.push(value.answer) + markers.flush()).trim();
  for (const passage of quotes.keys()) ordinalOf(passage);
  const named = new Set(value.citations.map(({ passage }) => passage)).size;
  return { text, citations, kept: named === 0 ? 0 : quotes.size / named };
}

/**
 * What the model says of itself, lowered where the passages are far from the question (by up to a half) and where quotes
 * were not true; what no quote bears out is a guess.
 */
function calibrated(own: number, strength: number, kept: number): number {
  const said = Math.min(1, Math.max(0, Number.isFinite(own) ? own : 0));
  const confidence = said * (0.5 + 0.5 * strength) * kept;
  return kept === 0 ? Math.min(UNSUPPORTED_CONFIDENCE, said * 0.5) : confidence;
}

function withoutMarkers(text: string): string {
  const markers = new CitationMarkers(() => null);
  return storableText(markers.push(text) + markers.flush()).trim();
}
