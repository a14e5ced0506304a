import type {
  ContentBlockParam,
  ImageBlockParam,
  MessageParam,
  RedactedThinkingBlockParam,
  ThinkingBlockParam,
} from '@anthropic-ai/sdk/resources/messages';
import type { ChatMessage, ContentPart, ToolCall } from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import { joinedTexts } from '../content-parts.ts';

/** Reasoning as the model signed it, before its tool calls. */
export type SignedThinking = ThinkingBlockParam | RedactedThinkingBlockParam;

/** The thinking that came before a call, where it is known. */
export type RecallThinking = (callId: string) => readonly SignedThinking[] | undefined;

const IMAGE_TYPES = ['image/jpeg', 'image/png', 'image/gif', 'image/webp'] as const;
type ImageType = (typeof IMAGE_TYPES)[number];

/**
 * A conversation as the vendor wants it: system messages apart, in their order, wherever they stood (not every model takes
 * them in between), and one message where several of one role follow each other, as results of parallel calls have to be.
 */
export function conversation(
  messages: readonly ChatMessage[],
  recall: RecallThinking,
): { system: string | undefined; messages: MessageParam[] } {
  const system: string[] = [];
  const turns: { role: 'user' | 'assistant'; content: ContentBlockParam[] }[] = [];
  for (const message of messages) {
    if (message.role === 'system') {
      system.push(message.text);
      continue;
    }
    const role = message.role === 'assistant' ? 'assistant' : 'user';
    const last = turns.at(-1);
    const content = contentOf(message, recall);
    if (last?.role === role) last.content.push(...content);
    else if (content.length > 0) turns.push({ role, content });
  }
  const text = system.filter((each) => each !== '').join('\n\n');
  return { system: text === '' ? undefined : text, messages: turns };
}

function contentOf(message: Exclude<ChatMessage, { role: 'system' }>, recall: RecallThinking): ContentBlockParam[] {
  switch (message.role) {
    case 'user':
      return joinedTexts(message.parts).map(userBlock);
    case 'tool':
      return [{ type: 'tool_result', tool_use_id: message.toolCallId, content: message.text }];
    case 'assistant': {
      const calls = message.toolCalls ?? [];
      const thinking = calls[0] === undefined ? [] : (recall(calls[0].id) ?? []);
      return [...thinking, ...textBlocks(message.text), ...calls.map(toolUse)];
    }
  }
}

/** An empty text block is refused by the vendor, and says nothing. */
function textBlocks(text: string): ContentBlockParam[] {
  return text === '' ? [] : [{ type: 'text', text }];
}

function userBlock(part: ContentPart): ContentBlockParam {
  return part.kind === 'text' ? { type: 'text', text: part.text } : imageBlock(part);
}

function imageBlock(part: Exclude<ContentPart, { kind: 'text' }>): ImageBlockParam {
  if (part.detail !== undefined && part.detail !== 'auto') {
    throw new ProviderError('bad_request', 'detail: this vendor has no levels of detail for images; leave it out.');
  }
  if (part.kind === 'image') {
    const type = IMAGE_TYPES.find((known) => known === part.mimeType);
    if (type === undefined) {
      throw new ProviderError('bad_request', `mimeType: an image is one of ${IMAGE_TYPES.join(', ')}.`);
    }
    return { type: 'image', source: { type: 'base64', media_type: type satisfies ImageType, data: part.base64 } };
  }
  if (!part.url.startsWith('https://')) {
    throw new ProviderError('bad_request', 'url: this vendor fetches images from https:// addresses alone.');
  }
  return { type: 'image', source: { type: 'url', url: part.url } };
}

function toolUse(call: ToolCall): ContentBlockParam {
  return { type: 'tool_use', id: call.id, name: call.name, input: parseArguments(call) };
}

function parseArguments(call: ToolCall): unknown {
  if (call.arguments.trim() === '') return {};
  try {
    return JSON.parse(call.arguments);
  } catch {
    throw new ProviderError('bad_request', `toolCalls: the arguments of ${call.id} are not JSON.`);
  }
}
