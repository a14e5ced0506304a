import { transformJSONSchema } from '@anthropic-ai/sdk/lib/transform-json-schema';
import type {
  MessageCreateParams,
  OutputConfig,
  ThinkingConfigParam,
  Tool,
  ToolChoice,
} from '@anthropic-ai/sdk/resources/messages';
import type { GenerateRequest } from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import { withVendorOptions } from '../vendor-options.ts';
import { conversation, type RecallThinking } from './messages.ts';
import { type ModelTraits, traitsOf } from './models.ts';

/** The sampling fields are no longer in the SDK's types: only models before 5 (Opus before 4.7) take them. */
type Body = MessageCreateParams & { temperature?: number; top_p?: number };

/** Fields that the vendor's API has no counterpart for. */
const UNSUPPORTED = ['seed', 'presencePenalty', 'frequencyPenalty'] as const;
/** Fields of the body that a caller's `vendorOptions` cannot replace. */
const OWN_FIELDS = ['model', 'messages', 'system', 'stream'];

type Effort = NonNullable<GenerateRequest['reasoningEffort']>;
const BUDGET_TOKENS: Record<Effort, number> = { minimal: 1_024, low: 2_048, medium: 8_192, high: 24_576 };
const MIN_BUDGET_TOKENS = 1_024;
const EFFORT: Record<Effort, OutputConfig['effort']> = { minimal: 'low', low: 'low', medium: 'medium', high: 'high' };

/**
 * The body of a request to /v1/messages.
 * @throws ProviderError `bad_request` that names the field that cannot be honoured
 */
export function messagesBody(request: GenerateRequest, stream: boolean, recall: RecallThinking): Body {
  for (const field of UNSUPPORTED) {
    if (request[field] !== undefined) throw refused(field, 'this vendor has nothing like it');
  }
  const traits = traitsOf(request.model);
  const maxTokens = request.maxOutputTokens ?? traits.maxOutputTokens;
  // A model that does not think in this request gets no thinking of an earlier one back.
  const thinks = traits.thinking === 'adaptive' || request.reasoningEffort !== undefined;
  const { system, messages } = conversation(request.messages, thinks ? recall : () => undefined);
  const outputConfig = outputConfigOf(request, traits);
  const body: Body = {
    model: request.model,
    max_tokens: maxTokens,
    messages,
    ...(system === undefined ? {} : { system }),
    ...(stream ? { stream } : {}),
    ...samplingOf(request, traits),
    ...(request.stop === undefined || request.stop.length === 0 ? {} : { stop_sequences: [...request.stop] }),
    ...toolsOf(request),
    ...(request.reasoningEffort === undefined
      ? {}
      : { thinking: thinkingOf(request.reasoningEffort, traits, maxTokens) }),
    ...(outputConfig === undefined ? {} : { output_config: outputConfig }),
  };
  return withVendorOptions(body, request.vendorOptions, OWN_FIELDS);
}

function refused(field: string, reason: string): ProviderError {
  return new ProviderError('bad_request', `${field}: ${reason}.`);
}

function samplingOf(request: GenerateRequest, traits: ModelTraits): { temperature?: number; top_p?: number } {
  const { temperature, topP, reasoningEffort } = request;
  if (!traits.sampling) {
    if (temperature !== undefined && temperature !== 1)
      throw refused('temperature', `${request.model} takes none but 1`);
    if (topP !== undefined && topP !== 1) throw refused('topP', `${request.model} takes none but 1`);
    return {};
  }
  if (temperature !== undefined && (temperature < 0 || temperature > 1)) {
    throw refused('temperature', 'this vendor takes 0 to 1');
  }
  if (reasoningEffort !== undefined && temperature !== undefined && temperature !== 1) {
    throw refused('temperature', 'a model that thinks takes none but 1; leave out reasoningEffort or temperature');
  }
  return { ...(temperature === undefined ? {} : { temperature }), ...(topP === undefined ? {} : { top_p: topP }) };
}

function thinkingOf(effort: Effort, traits: ModelTraits, maxTokens: number): ThinkingConfigParam {
  if (traits.thinking === 'none') throw refused('reasoningEffort', 'this model cannot think');
  // Newer models leave the thinking out of the answer unless it is asked for.
  if (traits.thinking === 'adaptive') return { type: 'adaptive', display: 'summarized' };
  if (maxTokens <= MIN_BUDGET_TOKENS) {
    throw refused('reasoningEffort', `thinking takes ${MIN_BUDGET_TOKENS} tokens at least; raise maxOutputTokens`);
  }
  // The budget is a part of the limit: something has to be left for the answer.
  const budget = Math.min(BUDGET_TOKENS[effort], Math.max(MIN_BUDGET_TOKENS, Math.floor(maxTokens * 0.8)));
  return { type: 'enabled', budget_tokens: budget };
}

function outputConfigOf(request: GenerateRequest, traits: ModelTraits): OutputConfig | undefined {
  const { format, reasoningEffort } = request;
  if (format === 'json') throw refused('format', 'this vendor writes JSON by a schema alone; give one');
  const effort = reasoningEffort !== undefined && traits.thinking === 'adaptive' ? EFFORT[reasoningEffort] : undefined;
  if (format === undefined && effort === undefined) return undefined;
  return {
    ...(effort === undefined ? {} : { effort }),
    ...(format === undefined ? {} : { format: { type: 'json_schema', schema: vendorSchema(format.schema) } }),
  };
}

/** The vendor's subset of JSON Schema; what is not in it becomes part of a description. */
function vendorSchema(schema: object): Record<string, unknown> {
  try {
    return transformJSONSchema(schema);
  } catch (error) {
    throw new ProviderError('bad_request', `format: ${(error as Error).message}.`, { cause: error });
  }
}

function toolsOf(request: GenerateRequest): { tools?: Tool[]; tool_choice?: ToolChoice } {
  const { tools = [], toolChoice, parallelToolCalls } = request;
  if (tools.length === 0) {
    if (toolChoice === 'required' || typeof toolChoice === 'object') throw refused('toolChoice', 'there are no tools');
    return {};
  }
  const choice = toolChoiceOf(toolChoice, parallelToolCalls === false);
  return {
    tools: tools.map(({ name, description, parameters, strict }) => ({
      name,
      ...(description === undefined ? {} : { description }),
      input_schema: { ...parameters, type: 'object' },
      ...(strict === undefined ? {} : { strict }),
    })),
    ...(choice === undefined ? {} : { tool_choice: choice }),
  };
}

function toolChoiceOf(choice: GenerateRequest['toolChoice'], single: boolean): ToolChoice | undefined {
  const parallel = single ? { disable_parallel_tool_use: true } : {};
  if (choice === 'none') return { type: 'none' };
  if (choice === 'required') return { type: 'any', ...parallel };
  if (typeof choice === 'object') return { type: 'tool', name: choice.name, ...parallel };
  return choice === undefined && !single ? undefined : { type: 'auto', ...parallel };
}
