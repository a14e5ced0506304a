import type { ContentBlock, Message, MessageDeltaUsage, StopReason, Usage } from '@anthropic-ai/sdk/resources/messages';
import type { GenerateEnd, GenerateResult, TokenUsage } from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import { isJsonObject } from '../../shared/json.ts';
import { readTokens, tokenSum } from '../../shared/token-count.ts';
import type { SignedThinking } from './messages.ts';

const FINISH_REASONS: Record<StopReason, GenerateEnd['finishReason']> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  // The vendor's own tools used up their steps: the answer is cut, not finished.
  pause_turn: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
};

/** @throws ProviderError `malformed` where the vendor gives none, or one that is not known: the answer may be cut */
export function finishReasonOf(stopReason: StopReason | null | undefined): GenerateEnd['finishReason'] {
  const reason = FINISH_REASONS[stopReason as StopReason];
  if (reason === undefined) {
    throw new ProviderError('malformed', `the answer ended with the unknown stop_reason ${String(stopReason)}`);
  }
  return reason;
}

/** Counts of a message, or of the last event of a streamed one over those of its first; what is no count is 0. */
export function usageOf(first: Partial<Usage>, last?: Partial<MessageDeltaUsage>): TokenUsage {
  const cachedInputTokens = last?.cache_read_input_tokens ?? first.cache_read_input_tokens;
  const cacheWriteTokens = last?.cache_creation_input_tokens ?? first.cache_creation_input_tokens;
  const uncachedTokens = last?.input_tokens ?? first.input_tokens;
  const details = last?.output_tokens_details ?? first.output_tokens_details;
  return readTokens({
    inputTokens: tokenSum(uncachedTokens, cachedInputTokens, cacheWriteTokens),
    outputTokens: last?.output_tokens ?? first.output_tokens,
    cachedInputTokens,
    cacheWriteTokens,
    reasoningTokens: details?.thinking_tokens,
  });
}

/** A whole answer from the body of the vendor's. */
export function answerOf(message: Message): GenerateResult {
  if (message.type !== 'message' || !Array.isArray(message.content)) {
    throw new ProviderError('malformed', 'the answer is no message');
  }
  const reasoning = joined(message.content, (block) => (block.type === 'thinking' ? block.thinking : ''));
  return {
    text: joined(message.content, (block) => (block.type === 'text' ? block.text : '')),
    ...(reasoning === '' ? {} : { reasoning }),
    toolCalls: message.content
      .filter((block) => block.type === 'tool_use')
      .map(({ id, name, input }) => ({ id, name, arguments: JSON.stringify(input ?? {}) })),
    finishReason: finishReasonOf(message.stop_reason),
    usage: usageOf(isJsonObject(message.usage) ? message.usage : {}),
    model: message.model,
  };
}

/** Signed thinking, and the first call that it led to: what the vendor wants back with the call's result. */
export function thinkingBeforeCall(
  content: readonly ContentBlock[],
): { callId: string; thinking: SignedThinking[] } | null {
  const first = content.findIndex((block) => block.type === 'tool_use');
  const call = content[first];
  const thinking = content
    .slice(0, Math.max(first, 0))
    .filter((block) => block.type === 'thinking' || block.type === 'redacted_thinking');
  return call?.type === 'tool_use' && thinking.length > 0 ? { callId: call.id, thinking } : null;
}

function joined(content: readonly ContentBlock[], textOf: (block: ContentBlock) => string): string {
  return content.map(textOf).join('');
}
