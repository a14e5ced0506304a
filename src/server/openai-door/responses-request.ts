import { InvalidInputError } from '../../shared/errors.ts';
import { type AnswerHeaders, type ChatRequest, parseChatRequest } from './chat-request.ts';
import {
  type Fields,
  fieldsAt,
  isAbsent,
  listAt,
  optionalFlag,
  optionalText,
  refuseOthers,
  textAt,
} from './field-reading.ts';

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
  const { store, include, truncation, background, stream_options, ...rest } = others;
  if (optionalFlag(store, 'store') === true)
    throw InvalidInputError.at('store', 'must be false: send the whole conversation each time');
  if (optionalFlag(background, 'background') === true)
    throw InvalidInputError.at('background', 'is not supported here');
  if (!isAbsent(truncation) && truncation !== 'disabled') throw InvalidInputError.at('truncation', 'must be disabled');
  refuseIncluded(include);
  refusePadding(stream_options);
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
    reasoning_effort: effortOf(reasoning),
  };
  return parseChatRequest(chat, headers);
}

/** Reasoning that nobody can read may be asked for, and is not there. */
function refuseIncluded(include: unknown): void {
  if (isAbsent(include)) return;
  const other = listAt(include, 'include').find((each) => each !== 'reasoning.encrypted_content');
  if (other !== undefined) throw InvalidInputError.at('include', `${String(other)} is not supported here`);
}

/** Padding against eavesdroppers changes nothing of the answer. */
function refusePadding(options: unknown): void {
  if (isAbsent(options)) return;
  const { include_obfuscation: _padding, ...others } = fieldsAt(options, 'stream_options');
  refuseOthers(others, 'stream_options');
}

function effortOf(reasoning: unknown): unknown {
  if (isAbsent(reasoning)) return undefined;
  const { effort, ...others } = fieldsAt(reasoning, 'reasoning');
  refuseOthers(others, 'reasoning');
  return optionalText(effort, 'reasoning.effort');
}

function messagesOf(input: unknown): Fields[] {
  if (typeof input === 'string') return [{ role: 'user', content: input }];
  const messages: Record<string, unknown>[] = [];
  for (const [index, value] of listAt(input, 'input').entries()) {
    const path = `input.${index}`;
    // An item that comes back from an answer has its own id and status.
    const { type, id: _id, status: _status, ...item } = fieldsAt(value, path);
    // What a model thought is no part of the conversation.
    if (type === 'reasoning') continue;
    if (type === 'function_call') addCall(messages, item, path);
    else if (type === 'function_call_output') messages.push(toolMessage(item, path));
    else if (isAbsent(type) || type === 'message') {
      const { role, content, ...others } = item;
      refuseOthers(others, path);
      messages.push({ role: textAt(role, `${path}.role`), content: contentOf(content, `${path}.content`) });
    } else throw InvalidInputError.at(`${path}.type`, 'must be message, function_call or function_call_output');
  }
  return messages;
}

function toolMessage({ call_id, output, ...others }: Fields, path: string): Fields {
  refuseOthers(others, path);
  const content = contentOf(output, `${path}.output`);
  return { role: 'tool', tool_call_id: textAt(call_id, `${path}.call_id`), content };
}

/** Calls belong to the turn that they were made in. */
function addCall(messages: Record<string, unknown>[], item: Fields, path: string): void {
  // OpenAI's own client adds what it has read from the arguments.
  const { call_id, name, arguments: args, parsed_arguments: _read, ...others } = item;
  refuseOthers(others, path);
  const last = messages.at(-1);
  const turn = last?.role === 'assistant' ? last : { role: 'assistant', content: '' };
  if (turn !== last) messages.push(turn);
  const called = {
    name: textAt(name, `${path}.name`),
    arguments: textAt(args, `${path}.arguments`),
  };
  const calls = (turn.tool_calls ?? []) as object[];
  turn.tool_calls = [...calls, { id: textAt(call_id, `${path}.call_id`), type: 'function', function: called }];
}

function contentOf(content: unknown, path: string): string | Fields[] {
  if (typeof content === 'string') return content;
  return listAt(content, path).map((value, index) => partOf(fieldsAt(value, `${path}.${index}`), `${path}.${index}`));
}

function partOf({ type, ...part }: Fields, path: string): Fields {
  switch (type) {
    case 'input_text':
      return { ...part, type: 'text' };
    case 'output_text': {
      const { annotations, logprobs, parsed: _read, ...said } = part;
      for (const [name, notes] of Object.entries({ annotations, logprobs })) {
        if (isAbsent(notes) || listAt(notes, `${path}.${name}`).length === 0) continue;
        throw InvalidInputError.at(`${path}.${name}`, 'is not supported here');
      }
      return { ...said, type: 'text' };
    }
    case 'refusal':
      return { ...part, type };
    case 'input_image': {
      const { image_url, detail, ...others } = part;
      refuseOthers(others, path);
      return { type: 'image_url', image_url: { url: textAt(image_url, `${path}.image_url`), detail } };
    }
    default:
      throw InvalidInputError.at(`${path}.type`, 'must be input_text, input_image, output_text or refusal');
  }
}

function chatTool(value: unknown, index: number): object {
  const { type, ...definition } = fieldsAt(value, `tools.${index}`);
  return { type, function: definition };
}

function chatChoice(choice: unknown): unknown {
  if (typeof choice !== 'object' || choice === null) return choice;
  const { type, name, ...others } = fieldsAt(choice, 'tool_choice');
  if (type === 'function') refuseOthers(others, 'tool_choice');
  return { type, function: { name } };
}

function textFields(text: unknown): Fields {
  if (isAbsent(text)) return {};
  const { format, verbosity, ...others } = fieldsAt(text, 'text');
  refuseOthers(others, 'text');
  if (isAbsent(format)) return { verbosity };
  const { type, ...schema } = fieldsAt(format, 'text.format');
  if (type === 'json_schema') return { verbosity, response_format: { type, json_schema: schema } };
  refuseOthers(schema, 'text.format');
  return { verbosity, response_format: { type } };
}
