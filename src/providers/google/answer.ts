import type { Candidate, GenerateContentResponse, GenerateContentResponseUsageMetadata, Part } from '@google/genai';
import type { GenerateEnd, GenerateResult, StreamPart, TokenUsage, ToolCall } from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import { readTokens, tokenSum } from '../../shared/token-count.ts';
import { callIdOf } from './contents.ts';

const FINISH_REASONS: Readonly<Record<string, GenerateEnd['finishReason']>> = {
  STOP: 'stop',
  MAX_TOKENS: 'length',
  CONTINUATION: 'length',
  SAFETY: 'content_filter',
  RECITATION: 'content_filter',
  LANGUAGE: 'content_filter',
  BLOCKLIST: 'content_filter',
  PROHIBITED_CONTENT: 'content_filter',
  SPII: 'content_filter',
};

/** A chunk of a streamed answer, or a whole one: they have one shape. */
export type AnswerChunk = Pick<
  GenerateContentResponse,
  'candidates' | 'promptFeedback' | 'usageMetadata' | 'modelVersion'
>;

/** Told of each call's signature, which the vendor wants back. */
export type KeepSignature = (callId: string, signature: string) => void;

/**
 * Puts an answer together from its chunks; a whole answer is one chunk. A stream of this vendor's has no end mark: the
 * answer is whole when a candidate has said why it finished. Servers that say `STOP` in every chunk are read rightly as
 * well: what comes after a finish reason takes it back, so that the last chunk with anything to say has to have one.
 */
export class AnswerReader {
  readonly #keepSignature: KeepSignature;
  readonly #model: string;
  #finishReason: string | undefined;
  #finishMessage = '';
  #usage: GenerateContentResponseUsageMetadata = {};
  #answeredBy: string | undefined;
  #calls = 0;

  constructor(model: string, keepSignature: KeepSignature) {
    this.#model = model;
    this.#keepSignature = keepSignature;
  }

  /** What a chunk adds to the answer. @throws ProviderError `content_filter` where the prompt was refused */
  *read(chunk: AnswerChunk): Iterable<Exclude<StreamPart, { kind: 'finish' }>> {
    const { blockReason, blockReasonMessage } = chunk.promptFeedback ?? {};
    if (blockReason !== undefined) {
      throw new ProviderError(
        'content_filter',
        `Google refused the prompt (${blockReason}): ${blockReasonMessage ?? 'no reason given'}`,
      );
    }
    this.#usage = chunk.usageMetadata ?? this.#usage;
    this.#answeredBy = chunk.modelVersion ?? this.#answeredBy;
    const candidate: Candidate | undefined = chunk.candidates?.[0];
    const parts = candidate?.content?.parts ?? [];
    if (parts.some(({ text }) => text !== '')) this.#finishReason = undefined;
    for (const part of parts) yield* this.#part(part);
    if (chunk.usageMetadata !== undefined) yield { kind: 'usage', usage: usageOf(chunk.usageMetadata) };
    this.#finishReason = candidate?.finishReason ?? this.#finishReason;
    this.#finishMessage = candidate?.finishMessage ?? this.#finishMessage;
  }

  /** How the answer ended. @throws ProviderError where it did not, or where it is no answer */
  end(): GenerateEnd {
    const reason = this.#finishReason;
    if (reason === undefined)
      throw new ProviderError('malformed', 'Google sent an answer that does not say why it finished');
    const finishReason = Object.hasOwn(FINISH_REASONS, reason) ? FINISH_REASONS[reason] : undefined;
    if (finishReason === undefined) {
      const words = this.#finishMessage === '' ? '' : `: ${this.#finishMessage}`;
      // OTHER is said of passing faults of theirs; the rest, as MALFORMED_FUNCTION_CALL, of what the model wrote.
      throw new ProviderError(
        reason === 'OTHER' ? 'server' : 'malformed',
        `Google ended the answer with ${reason}${words}`,
      );
    }
    return {
      finishReason: finishReason === 'stop' && this.#calls > 0 ? 'tool_calls' : finishReason,
      usage: usageOf(this.#usage),
      model: this.#answeredBy ?? this.#model,
    };
  }

  *#part(part: Part): Iterable<Exclude<StreamPart, { kind: 'finish' }>> {
    if (part.functionCall !== undefined) {
      const id = callIdOf(part.functionCall);
      if (part.thoughtSignature !== undefined) this.#keepSignature(id, part.thoughtSignature);
      const { name = '', args = {} } = part.functionCall;
      yield { kind: 'toolCall', index: this.#calls++, id, name, arguments: JSON.stringify(args) };
    } else if (part.text !== undefined && part.text !== '') {
      yield { kind: part.thought === true ? 'reasoning' : 'text', text: part.text };
    }
  }
}

/** A whole answer. */
export function answerOf(chunk: AnswerChunk, reader: AnswerReader): GenerateResult {
  const said = { text: '', reasoning: '' };
  const toolCalls: ToolCall[] = [];
  for (const part of reader.read(chunk)) {
    if (part.kind === 'text' || part.kind === 'reasoning') said[part.kind] += part.text;
    else if (part.kind === 'toolCall')
      toolCalls.push({ id: part.id ?? '', name: part.name ?? '', arguments: part.arguments });
  }
  const { text, reasoning } = said;
  return { text, ...(reasoning === '' ? {} : { reasoning }), toolCalls, ...reader.end() };
}

function usageOf(counts: GenerateContentResponseUsageMetadata): TokenUsage {
  return readTokens({
    inputTokens: tokenSum(counts.promptTokenCount, counts.toolUsePromptTokenCount),
    // Thoughts are paid as output, and are not among the candidates' tokens.
    outputTokens: tokenSum(counts.candidatesTokenCount, counts.thoughtsTokenCount),
    cachedInputTokens: counts.cachedContentTokenCount,
    reasoningTokens: counts.thoughtsTokenCount,
  });
}
