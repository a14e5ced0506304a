import type { ChatMessage } from '../../../plugins/contract.ts';
import { countTokens } from '../../usage/token-count.ts';
import type { Message } from '../message.ts';
import { CitationMarkers } from './citation-markers.ts';

/** What is taken where nobody says how much a model reads. */
const UNKNOWN_CONTEXT_TOKENS = 8_192;
/** Kept free for an answer whose length nobody limits, unless that is more than a quarter of the window. */
const ANSWER_TOKENS = 2_048;
/** Other vendors' tokenizers give some 10 to 30 percent more than the one that counts here. */
const COUNT_FACTOR = 1.2;
/** Of a chat format's marks around a message. */
const MESSAGE_TOKENS = 6;

/** What was said before a message, in the order of the conversation. */
export type Turn = Pick<Message, 'position' | 'role' | 'text'>;

/** Tokens that everything sent to a model may have together. */
export function inputTokensOf(contextTokens: number | undefined, maxOutputTokens: number | undefined): number {
  const context = contextTokens ?? UNKNOWN_CONTEXT_TOKENS;
  const answer = maxOutputTokens ?? Math.min(ANSWER_TOKENS, Math.floor(context / 4));
  return Math.max(0, context - answer);
}

/** Tokens that a text is taken to have, with its message's marks. */
export type TokenMeasure = (text: string) => number | Promise<number>;

/**
 * How texts are measured that are to fit a window. A token has a byte at the least: where even their bytes fit, nothing
 * has to be counted, which is so for nearly every conversation, and saves the first word of its answer the time.
 */
export function tokenMeasure(
  texts: readonly string[],
  windowTokens: number,
  count: typeof countTokens = countTokens,
): TokenMeasure {
  const bound: TokenMeasure = (text) => Buffer.byteLength(text) + MESSAGE_TOKENS;
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text) + MESSAGE_TOKENS, 0);
  if (bytes <= windowTokens) return bound;
  return async (text) => Math.ceil((await count([text])) * COUNT_FACTOR) + MESSAGE_TOKENS;
}

/** The last texts that fit a window, as whole ones: how many there are. */
export async function countFitting(
  texts: readonly string[],
  windowTokens: number,
  measure: TokenMeasure,
): Promise<number> {
  let left = windowTokens;
  for (let fitting = 0; fitting < texts.length; fitting++) {
    left -= await measure(texts.at(-1 - fitting) as string);
    if (left < 0) return fitting;
  }
  return texts.length;
}

/** The last messages that fit a window: none is sent before one that is not. */
export async function fittingTurns<Said extends Turn>(
  turns: readonly Said[],
  windowTokens: number,
  measure: TokenMeasure,
): Promise<readonly Said[]> {
  const texts = turns.map(({ text }) => text);
  return turns.slice(turns.length - (await countFitting(texts, windowTokens, measure)));
}

/**
 * Turns as a model takes them: it begins with the user, and nobody speaks twice in a row. The markers of earlier answers
 * go: they name passages that are not there any more.
 */
export function chatMessages(turns: readonly Turn[]): ChatMessage[] {
  const messages: { role: 'user' | 'assistant'; text: string }[] = [];
  for (const { role, text } of turns) {
    if ((role !== 'USER' && role !== 'ASSISTANT') || text.trim() === '') continue;
    const said = role === 'USER' ? text : withoutMarkers(text);
    const speaker = role === 'USER' ? 'user' : 'assistant';
    const last = messages.at(-1);
    if (last === undefined && speaker === 'assistant') continue;
    if (last?.role === speaker) last.text = `${last.text}\n\n${said}`;
    else messages.push({ role: speaker, text: said });
  }
  return messages.map(({ role, text }) =>
    role === 'user' ? { role, parts: [{ kind: 'text', text }] } : { role, text },
  );
}

function withoutMarkers(text: string): string {
  const markers = new CitationMarkers(() => null);
  return markers.push(text) + markers.flush();
}
