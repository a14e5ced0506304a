import type { ChatMessage, ContentPart, ToolCall } from '../../plugins/contract.ts';
import { InvalidInputError } from '../../shared/errors.ts';
import { type Fields, fieldsAt, isAbsent, listAt, optionalText, refuseOthers, textAt } from './field-reading.ts';

/** @throws InvalidInputError */
export function parseMessages(value: unknown): ChatMessage[] {
  const list = listAt(value, 'messages');
  if (list.length === 0) throw InvalidInputError.at('messages', 'must have at least one message');
  return list.map((message, index) => parseMessage(fieldsAt(message, `messages.${index}`), `messages.${index}`));
}

function parseMessage(message: Fields, path: string): ChatMessage {
  switch (message.role) {
    case 'user':
      return parseUser(message, path);
    case 'assistant':
      return parseAssistant(message, path);
    case 'system':
    case 'developer': {
      const { role: _role, content, ...others } = message;
      refuseOthers(others, path);
      return { role: 'system', text: parseText(content, `${path}.content`) };
    }
    case 'tool': {
      // `name` repeats the name of the call that is answered.
      const { role: _role, content, tool_call_id, name: _name, ...others } = message;
      refuseOthers(others, path);
      const text = parseText(content, `${path}.content`);
      return { role: 'tool', toolCallId: textAt(tool_call_id, `${path}.tool_call_id`), text };
    }
    default:
      throw InvalidInputError.at(`${path}.role`, 'must be system, developer, user, assistant or tool');
  }
}

function parseUser({ role: _role, content, ...others }: Fields, path: string): ChatMessage {
  refuseOthers(others, path);
  if (typeof content === 'string') return { role: 'user', parts: [{ kind: 'text', text: content }] };
  const list = listAt(content, `${path}.content`);
  return { role: 'user', parts: list.map((part, index) => parsePart(part, `${path}.content.${index}`)) };
}

function parsePart(value: unknown, path: string): ContentPart {
  const { type, ...part } = fieldsAt(value, path);
  if (type === 'text') {
    const { text, ...others } = part;
    refuseOthers(others, path);
    return { kind: 'text', text: textAt(text, `${path}.text`) };
  }
  if (type === 'image_url') {
    const { image_url, ...others } = part;
    refuseOthers(others, path);
    // OpenAI's own is an object; the bare url is what many clients send.
    const image = typeof image_url === 'string' ? { url: image_url } : image_url;
    return parseImage(fieldsAt(image, `${path}.image_url`), `${path}.image_url`);
  }
  throw InvalidInputError.at(`${path}.type`, 'must be text or image_url; other content is not supported');
}

const DATA_URL_HEAD = /^data:([\w.+-]+\/[\w.+-]+);base64$/i;
const DATA_URL_HEAD_CHARACTERS = 200;

function parseImage({ url: given, detail: wanted, ...others }: Fields, path: string): ContentPart {
  refuseOthers(others, path);
  const url = textAt(given, `${path}.url`);
  const detail = optionalText(wanted, `${path}.detail`);
  const withDetail = detail === undefined ? {} : { detail };
  if (/^https?:\/\//i.test(url)) return { kind: 'imageUrl', url, ...withDetail };
  const comma = url.slice(0, DATA_URL_HEAD_CHARACTERS).indexOf(',');
  const mimeType = DATA_URL_HEAD.exec(url.slice(0, Math.max(comma, 0)))?.[1];
  if (mimeType === undefined || url.length === comma + 1) {
    throw InvalidInputError.at(`${path}.url`, 'must be an http(s) url, or data:<mime type>;base64,<data>');
  }
  return { kind: 'image', mimeType: mimeType.toLowerCase(), base64: url.slice(comma + 1), ...withDetail };
}

/**
 * What an answer of this door has in it comes back as it is, with what OpenAI's own client has read from it. An answer's
 * reasoning is no part of the conversation.
 */
function parseAssistant(message: Fields, path: string): ChatMessage {
  const { role: _role, content, refusal, tool_calls, annotations, ...more } = message;
  const { reasoning_content: _reasoning, parsed: _read, ...others } = more;
  refuseOthers(others, path);
  if (!isAbsent(annotations) && listAt(annotations, `${path}.annotations`).length > 0) {
    throw InvalidInputError.at(`${path}.annotations`, 'is not supported here');
  }
  const said = isAbsent(content) ? '' : parseText(content, `${path}.content`);
  const text = said + (optionalText(refusal, `${path}.refusal`) ?? '');
  const toolCalls = isAbsent(tool_calls)
    ? []
    : listAt(tool_calls, `${path}.tool_calls`).map((call, index) => parseCall(call, `${path}.tool_calls.${index}`));
  return { role: 'assistant', text, ...(toolCalls.length === 0 ? {} : { toolCalls }) };
}

/** A client that put a call together from a stream may say its place again, and one that read it what it made of it. */
function parseCall(value: unknown, path: string): ToolCall {
  const { type, id, index: _place, function: called, ...others } = fieldsAt(value, path);
  if (!isAbsent(type) && type !== 'function') throw InvalidInputError.at(`${path}.type`, 'must be function');
  refuseOthers(others, path);
  const { name, arguments: args, parsed_arguments: _read, ...unknown } = fieldsAt(called, `${path}.function`);
  refuseOthers(unknown, `${path}.function`);
  return {
    id: textAt(id, `${path}.id`),
    name: textAt(name, `${path}.function.name`),
    arguments: textAt(args, `${path}.function.arguments`),
  };
}

/** A string, or parts of text, each on lines of its own. */
function parseText(content: unknown, path: string): string {
  if (typeof content === 'string') return content;
  return listAt(content, path)
    .map((value, index) => {
      const { type, ...part } = fieldsAt(value, `${path}.${index}`);
      const field = type === 'refusal' ? 'refusal' : 'text';
      if (type !== field) throw InvalidInputError.at(`${path}.${index}.type`, 'must be text');
      const { [field]: said, ...others } = part;
      refuseOthers(others, `${path}.${index}`);
      return textAt(said, `${path}.${index}.${field}`);
    })
    .join('\n');
}
