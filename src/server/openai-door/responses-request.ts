import { InvalidInputError } from '../../shared/errors.ts';
import { type AnswerHeaders, type ChatRequest, parseChatRequest } from './chat-request.ts';
import { type Fields, fieldsAt, isAbsent, listAt, optionalText, refuseOthers, textAt } from './field-reading.ts';

/** Fields that mean the same in a chat completion, or that go to the vendor as they are. */
const SHARED = [
  ...['model', 'stream', 'temperature', 'top_p', 'parallel_tool_calls', 'signalbox'],
  ...['user', 'metadata', 'service_tier', 'safety_identifier', 'prompt_cache_key', 'prompt_cache_retention'],
] as const;

/**
 * OpenAI's request for a response, as the chat completion that asks the same. Nothing is kept here between two of them:
 * each brings its whole conversation.
 * @throws InvalidInputError
 */
export function parseResponsesRequest(body: Fields, headers: AnswerHeaders): ChatRequest {
  const { instructions, input, max_output_tokens, tools, tool_choice, text, reasoning, ...others } = body;
  const { store, include, truncation, background, stream_options: _padding, ...rest } = others;
  if (store === true) throw InvalidInputError.at('store', 'must be false: send the whole conversation each time');
  if (background === true) throw InvalidInputError.at('background', 'is not supported here');
  if (!isAbsent(truncation) && truncation !== 'disabled') throw InvalidInputError.at('truncation', 'must be disabled');
  refuseIncluded(include);
  const shared = Object.fromEntries(SHARED.map((name) => [name, rest[name]]));
  refuseOthers(Object.fromEntries(Object.entries(rest).filter(([name]) => !(name in shared))), '');
  const system = optionalText(instructions, 'instructions');
  const chat = {
    ...shared,
    messages: [...(system === undefined ? [] : [{ role: 'system', content: system }]), ...messagesOf(input)],
    max_completion_tokens: max_output_tokens,
    tools: isAbsent(tools) ? undefined : listAt(tools, 'tools').map(chatTool),
    tool_choice: chatChoice(tool_choice),
    ...textFields(text),
    reasoning_effort: isAbsent(reasoning) ? undefined : fieldsAt(reasoning, 'reasoning').effort,
  };
  return parseChatRequest(chat, headers);
}

/** Reasoning that nobody can read may be asked for, and is not there. */
function refuseIncluded(include: unknown): void {
  if (isAbsent(include)) return;
  const other = listAt(include, 'include').find((each) => each !== 'reasoning.encrypted_content');
  if (other !== undefined) throw InvalidInputError.at('include', `${String(other)} is not supported here`);
}

function messagesOf(input: unknown): Fields[] {
  if (typeof input === 'string') return [{ role: 'user', content: input }];
  const messages: Record<string, unknown>[] = [];
  for (const [index, value] of listAt(input, 'input').entries()) {
    const path = `input.${index}`;
    const item = fieldsAt(value, path);
    // What a model thought is no part of the conversation.
    if (item.type === 'reasoning') continue;
    if (item.type === 'function_call') addCall(messages, item, path);
    else if (item.type === 'function_call_output') {
      const content = typeof item.output === 'string' ? item.output : partsOf(item.output, `${path}.output`);
      messages.push({ role: 'tool', tool_call_id: textAt(item.call_id, `${path}.call_id`), content });
    } else if (isAbsent(item.type) || item.type === 'message') {
      const content = typeof item.content === 'string' ? item.content : partsOf(item.content, `${path}.content`);
      messages.push({ role: textAt(item.role, `${path}.role`), content });
    } else throw InvalidInputError.at(`${path}.type`, 'must be message, function_call or function_call_output');
  }
  return messages;
}

/** Calls belong to the turn that they were made in. */
function addCall(messages: Record<string, unknown>[], item: Fields, path: string): void {
  const last = messages.at(-1);
  const turn = last?.role === 'assistant' ? last : { role: 'assistant', content: '' };
  if (turn !== last) messages.push(turn);
  const called = {
    name: textAt(item.name, `${path}.name`),
    arguments: textAt(item.arguments, `${path}.arguments`),
  };
  const calls = (turn.tool_calls ?? []) as object[];
  turn.tool_calls = [...calls, { id: textAt(item.call_id, `${path}.call_id`), type: 'function', function: called }];
}

function partsOf(content: unknown, path: string): Fields[] {
  return listAt(content, path).map((value, index) => {
    const part = fieldsAt(value, `${path}.${index}`);
    switch (part.type) {
      case 'input_text':
      case 'output_text':
        return { type: 'text', text: part.text };
      case 'refusal':
        return part;
      case 'input_image': {
        const url = textAt(part.image_url, `${path}.${index}.image_url`);
        return { type: 'image_url', image_url: { url, detail: part.detail } };
      }
      default:
        throw InvalidInputError.at(`${path}.${index}.type`, 'must be input_text, input_image, output_text or refusal');
    }
  });
}

function chatTool(value: unknown, index: number): object {
  const { type, ...definition } = fieldsAt(value, `tools.${index}`);
  return { type, function: definition };
}

function chatChoice(choice: unknown): unknown {
  if (typeof choice !== 'object' || choice === null) return choice;
  const { type, name } = fieldsAt(choice, 'tool_choice');
  return { type, function: { name } };
}

function textFields(text: unknown): Fields {
  if (isAbsent(text)) return {};
  const { format, verbosity, ...others } = fieldsAt(text, 'text');
  refuseOthers(others, 'text');
  if (isAbsent(format)) return { verbosity };
  const { type, ...schema } = fieldsAt(format, 'text.format');
  return { verbosity, response_format: type === 'json_schema' ? { type, json_schema: schema } : { type } };
}
