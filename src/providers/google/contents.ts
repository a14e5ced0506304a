import { randomUUID } from 'node:crypto';
import type { Content, FunctionCall, Part } from '@google/genai';
import type { ChatMessage, ContentPart, ToolCall } from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import { isJsonObject, type JsonObject } from '../../shared/json.ts';
import { joinedTexts } from '../content-parts.ts';

/** Of ids that are ours, because the vendor gave none: they are not sent back to it. */
const OWN_ID_PREFIX = 'signalbox_';
/** What the vendor takes for the signature of a call that it did not make, or whose signature is lost. */
const NO_SIGNATURE = 'skip_thought_signature_validator';

/** The signature that a call came with, where it is known. */
export type RecallSignature = (callId: string) => string | undefined;

/** The id of a call that the model made; one of ours where it has none. */
export function callIdOf(call: FunctionCall): string {
  return call.id ?? `${OWN_ID_PREFIX}${randomUUID().replaceAll('-', '').slice(0, 24)}`;
}

/**
 * A conversation as the vendor wants it: system messages apart, in their order, and one content where several of one role
 * follow each other. Results of one turn's calls have to be together, and apart from what the user says next.
 * @param signed whether the model wants its calls back with a signature
 */
export function conversation(
  messages: readonly ChatMessage[],
  recall: RecallSignature,
  signed: boolean,
): { system: string | undefined; contents: Content[] } {
  const names = new Map<string, string>();
  const system: string[] = [];
  const turns: { role: ChatMessage['role']; parts: Part[] }[] = [];
  for (const message of messages) {
    if (message.role === 'system') {
      if (message.text !== '') system.push(message.text);
      continue;
    }
    if (message.role === 'assistant') for (const { id, name } of message.toolCalls ?? []) names.set(id, name);
    const parts = partsOf(message, names, (id) => recall(id) ?? (signed ? NO_SIGNATURE : undefined));
    const last = turns.at(-1);
    if (last?.role === message.role) last.parts.push(...parts);
    else if (parts.length > 0) turns.push({ role: message.role, parts });
  }
  return {
    system: system.length === 0 ? undefined : system.join('\n\n'),
    contents: turns.map(({ role, parts }) => ({ role: role === 'assistant' ? 'model' : 'user', parts })),
  };
}

function partsOf(
  message: Exclude<ChatMessage, { role: 'system' }>,
  names: ReadonlyMap<string, string>,
  recall: RecallSignature,
): Part[] {
  switch (message.role) {
    case 'user':
      return joinedTexts(message.parts).map(userPart);
    case 'assistant': {
      // The signature of parallel calls stands at the first of them.
      const calls = (message.toolCalls ?? []).map((call, index) =>
        callPart(call, index === 0 ? recall(call.id) : undefined),
      );
      return [...textParts(message.text), ...calls];
    }
    case 'tool': {
      const name = names.get(message.toolCallId);
      if (name === undefined) {
        throw new ProviderError('bad_request', `toolCallId: no message before has the call ${message.toolCallId}.`);
      }
      return [{ functionResponse: { ...idOf(message.toolCallId), name, response: responseOf(message.text) } }];
    }
  }
}

function idOf(callId: string): { id?: string } {
  return callId.startsWith(OWN_ID_PREFIX) ? {} : { id: callId };
}

function callPart(call: ToolCall, signature: string | undefined): Part {
  return {
    functionCall: { ...idOf(call.id), name: call.name, args: argumentsOf(call) },
    ...(signature === undefined ? {} : { thoughtSignature: signature }),
  };
}

function argumentsOf(call: ToolCall): JsonObject {
  const args = call.arguments.trim() === '' ? {} : parsed(call.arguments);
  if (isJsonObject(args)) return args;
  throw new ProviderError('bad_request', `toolCalls: the arguments of ${call.id} are no JSON object.`);
}

/** The vendor wants an object; it reads the result of another shape from `output`. */
function responseOf(text: string): JsonObject {
  const value = parsed(text);
  return isJsonObject(value) ? value : { output: text };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function textParts(text: string): Part[] {
  return text === '' ? [] : [{ text }];
}

function userPart(part: ContentPart): Part {
  if (part.kind === 'text') return { text: part.text };
  if (part.detail !== undefined && part.detail !== 'auto') {
    throw new ProviderError('bad_request', 'detail: this vendor has no levels of detail for one image; leave it out.');
  }
  if (part.kind === 'image') return { inlineData: { mimeType: part.mimeType, data: part.base64 } };
  return { fileData: fileAt(part.url) };
}

const TYPES_BY_EXTENSION: Readonly<Record<string, string>> = {
  png: 'image/png',
  jpg: 'image/jpeg',
  jpeg: 'image/jpeg',
  webp: 'image/webp',
  heic: 'image/heic',
  heif: 'image/heif',
};
/** The vendor's own store of files, which knows their types. */
const VENDOR_FILE = /^https:\/\/generativelanguage\.googleapis\.com\/[^?#]*files\//;

function fileAt(url: string): { fileUri: string; mimeType?: string } {
  if (VENDOR_FILE.test(url)) return { fileUri: url };
  const extension = /^(?:https|gs):\/\/[^?#]+\.([a-z]+)(?:[?#]|$)/i.exec(url)?.[1]?.toLowerCase() ?? '';
  const mimeType = TYPES_BY_EXTENSION[extension];
  if (mimeType !== undefined) return { fileUri: url, mimeType };
  const known = Object.keys(TYPES_BY_EXTENSION).join(', ');
  throw new ProviderError(
    'bad_request',
    `url: this vendor fetches an image from its own files, or from an https:// or gs:// address that ends in ${known}; send others as base64.`,
  );
}
