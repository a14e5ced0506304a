import type { GenerationInput } from '../../domain/gateway/generation.ts';
import { InvalidInputError } from '../../shared/errors.ts';
import { parseMessages } from './chat-messages.ts';
import {
  type Fields,
  fieldsAt,
  isAbsent,
  listAt,
  optionalFlag,
  optionalInteger,
  optionalNumber,
  optionalText,
  refuseOthers,
  textAt,
} from './field-reading.ts';

/** A chat completion as it was asked for. */
export interface ChatRequest {
  input: GenerationInput;
  stream: boolean;
  /** Whether the stream ends with a chunk that tells the usage. */
  includeUsage: boolean;
}

/** What this door reads from the headers of a request for an answer. */
export interface AnswerHeaders {
  'cache-control'?: string;
  /** Ids of models, separated by commas. */
  'x-signalbox-fallbacks'?: string | string[];
}

type Format = GenerationInput['format'];
type Tool = NonNullable<GenerationInput['tools']>[number];
type Effort = NonNullable<GenerationInput['reasoningEffort']>;

/** Fields with a meaning here; the others go to the vendor as they are. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  ...['model', 'messages', 'stream', 'stream_options', 'signalbox', 'n', 'logprobs', 'top_logprobs'],
  ...['max_tokens', 'max_completion_tokens', 'temperature', 'top_p', 'stop', 'seed'],
  ...['presence_penalty', 'frequency_penalty', 'reasoning_effort'],
  ...['tools', 'tool_choice', 'parallel_tool_calls', 'response_format'],
]);

const EFFORTS: readonly unknown[] = ['minimal', 'low', 'medium', 'high'] satisfies Effort[];
const NO_PARAMETERS = { type: 'object', properties: {} };

/**
 * OpenAI's chat completion in our own terms.
 * @throws InvalidInputError
 */
export function parseChatRequest(body: Fields, headers: AnswerHeaders): ChatRequest {
  const stream = optionalFlag(body.stream, 'stream') ?? false;
  const includeUsage = wantsUsage(body.stream_options) && stream;
  refuseUnsupported(body);
  const input: GenerationInput = {
    work: 'chat',
    model: optionalText(body.model, 'model'),
    messages: parseMessages(body.messages),
    maxOutputTokens: parseMaxTokens(body),
    temperature: optionalNumber(body.temperature, 'temperature', { least: 0, most: 2 }),
    topP: optionalNumber(body.top_p, 'top_p', { least: 0, most: 1 }),
    stop: parseStop(body.stop),
    seed: optionalInteger(body.seed, 'seed', -Infinity),
    presencePenalty: optionalNumber(body.presence_penalty, 'presence_penalty', { least: -2, most: 2 }),
    frequencyPenalty: optionalNumber(body.frequency_penalty, 'frequency_penalty', { least: -2, most: 2 }),
    ...parseTools(body),
    format: parseFormat(body.response_format),
    ...parseEffort(body),
    fallbacks: parseFallbacks(body.signalbox, headers['x-signalbox-fallbacks']),
    cache: parseCacheControl(headers['cache-control']),
  };
  return { input, stream, includeUsage };
}

/** What would change the answer's shape and cannot be done. */
function refuseUnsupported({ n, logprobs, top_logprobs }: Fields): void {
  if (!isAbsent(n) && n !== 1) throw InvalidInputError.at('n', 'must be 1: send the request once for each answer');
  if (logprobs === true || (!isAbsent(top_logprobs) && top_logprobs !== 0)) {
    throw InvalidInputError.at('logprobs', 'is not supported here');
  }
}

/** The newer name and the older one mean the same. */
function parseMaxTokens(body: Fields): number | undefined {
  const older = optionalInteger(body.max_tokens, 'max_tokens', 1);
  const newer = optionalInteger(body.max_completion_tokens, 'max_completion_tokens', 1);
  return older === undefined || newer === undefined ? (newer ?? older) : Math.min(newer, older);
}

function parseStop(stop: unknown): string[] | undefined {
  if (isAbsent(stop)) return undefined;
  if (typeof stop === 'string') return [stop];
  return listAt(stop, 'stop').map((text, index) => textAt(text, `stop.${index}`));
}

function parseTools(body: Fields): Pick<GenerationInput, 'tools' | 'toolChoice' | 'parallelToolCalls'> {
  if (isAbsent(body.tools) && isAbsent(body.tool_choice) && isAbsent(body.parallel_tool_calls)) return {};
  const tools = isAbsent(body.tools) ? undefined : listAt(body.tools, 'tools').map(parseTool);
  return {
    ...(tools === undefined || tools.length === 0 ? {} : { tools }),
    toolChoice: parseToolChoice(body.tool_choice),
    parallelToolCalls: optionalFlag(body.parallel_tool_calls, 'parallel_tool_calls'),
  };
}

function parseTool(value: unknown, index: number): Tool {
  const path = `tools.${index}`;
  const { type, function: definition, ...others } = fieldsAt(value, path);
  if (type !== 'function') throw InvalidInputError.at(`${path}.type`, 'must be function');
  refuseOthers(others, path);
  const { name, description, parameters, strict, ...unknown } = fieldsAt(definition, `${path}.function`);
  refuseOthers(unknown, `${path}.function`);
  return {
    name: textAt(name, `${path}.function.name`),
    description: optionalText(description, `${path}.function.description`),
    parameters: isAbsent(parameters) ? NO_PARAMETERS : fieldsAt(parameters, `${path}.function.parameters`),
    strict: optionalFlag(strict, `${path}.function.strict`),
  };
}

function parseToolChoice(choice: unknown): GenerationInput['toolChoice'] {
  if (isAbsent(choice)) return undefined;
  if (choice === 'auto' || choice === 'none' || choice === 'required') return choice;
  const { type, function: called, ...others } = typeof choice === 'object' ? fieldsAt(choice, 'tool_choice') : {};
  if (type !== 'function') {
    throw InvalidInputError.at('tool_choice', 'must be auto, none, required, or a function by name');
  }
  refuseOthers(others, 'tool_choice');
  const { name, ...unknown } = fieldsAt(called, 'tool_choice.function');
  refuseOthers(unknown, 'tool_choice.function');
  return { name: textAt(name, 'tool_choice.function.name') };
}

function parseFormat(format: unknown): Format {
  if (isAbsent(format)) return undefined;
  const { type, json_schema, ...others } = fieldsAt(format, 'response_format');
  const hasSchema = type === 'json_schema';
  if (!hasSchema && type !== 'text' && type !== 'json_object') {
    throw InvalidInputError.at('response_format.type', 'must be text, json_object or json_schema');
  }
  refuseOthers(hasSchema ? others : { json_schema, ...others }, 'response_format');
  if (!hasSchema) return type === 'text' ? undefined : 'json';
  const path = 'response_format.json_schema';
  const { name, schema, strict, description, ...unknown } = fieldsAt(json_schema, path);
  refuseOthers(unknown, path);
  const described = optionalText(description, `${path}.description`);
  const shape = fieldsAt(schema, `${path}.schema`);
  return {
    name: textAt(name, `${path}.name`),
    // A schema has its own place for what it is about.
    schema: described === undefined ? shape : { description: described, ...shape },
    strict: optionalFlag(strict, `${path}.strict`),
  };
}

/** An effort that only some vendors know goes to the vendor, with the fields that have no meaning here. */
function parseEffort(body: Fields): Pick<GenerationInput, 'reasoningEffort' | 'vendorOptions'> {
  const effort = optionalText(body.reasoning_effort, 'reasoning_effort');
  const known = effort === undefined || EFFORTS.includes(effort);
  const vendorOptions: Record<string, unknown> = known ? {} : { reasoning_effort: effort };
  for (const name in body) {
    if (!OWN_FIELDS.has(name) && !isAbsent(body[name])) vendorOptions[name] = body[name];
  }
  return {
    ...(known && effort !== undefined ? { reasoningEffort: effort as Effort } : {}),
    ...(Object.keys(vendorOptions).length === 0 ? {} : { vendorOptions }),
  };
}

function parseFallbacks(own: unknown, header: string | string[] | undefined): string[] | undefined {
  if (!isAbsent(own)) {
    const { fallbacks, ...others } = fieldsAt(own, 'signalbox');
    refuseOthers(others, 'signalbox');
    if (!isAbsent(fallbacks)) {
      const path = 'signalbox.fallbacks';
      return listAt(fallbacks, path).map((model, index) => textAt(model, `${path}.${index}`));
    }
  }
  if (header === undefined) return undefined;
  const ids = header.toString().split(',');
  return ids.map((model) => model.trim()).filter((model) => model !== '');
}

function parseCacheControl(header: string | undefined): GenerationInput['cache'] {
  if (header === undefined) return undefined;
  const directives = header.toLowerCase();
  if (directives.includes('no-store')) return 'off';
  return directives.includes('no-cache') ? 'refresh' : undefined;
}

function wantsUsage(options: unknown): boolean {
  if (isAbsent(options)) return false;
  // Padding against eavesdroppers changes nothing of the answer.
  const { include_usage, include_obfuscation: _padding, ...others } = fieldsAt(options, 'stream_options');
  refuseOthers(others, 'stream_options');
  return optionalFlag(include_usage, 'stream_options.include_usage') ?? false;
}
