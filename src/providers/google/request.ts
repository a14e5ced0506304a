import type { Content, FunctionCallingConfig, GenerationConfig, ThinkingConfig, Tool, ToolConfig } from '@google/genai';
import type { GenerateRequest } from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import { withVendorOptions } from '../vendor-options.ts';
import { conversation, type RecallSignature } from './contents.ts';
import { thinkingOf, wantsSignatures } from './models.ts';

/** The body of generateContent and streamGenerateContent, which the SDK has no type for; enumerations are plain text. */
export interface GenerateContentBody {
  contents: Content[];
  systemInstruction?: Content;
  tools?: Tool[];
  toolConfig?: ToolConfig;
  generationConfig?: GenerationConfig;
}

const OWN_FIELDS = ['model', 'contents', 'systemInstruction', 'stream'];

type Effort = NonNullable<GenerateRequest['reasoningEffort']>;
/** As the vendor's own OpenAI-shaped door maps them. */
const BUDGET_TOKENS: Record<Effort, number> = { minimal: 1_024, low: 1_024, medium: 8_192, high: 24_576 };

/**
 * The body of a request for an answer, whole or streamed.
 * @throws ProviderError `bad_request` that names the field that cannot be honoured
 */
export function generateBody(request: GenerateRequest, recall: RecallSignature): GenerateContentBody {
  const { system, contents } = conversation(request.messages, recall, wantsSignatures(request.model));
  const generationConfig = generationConfigOf(request);
  const body: GenerateContentBody = {
    contents,
    ...(system === undefined ? {} : { systemInstruction: { parts: [{ text: system }] } }),
    ...toolsOf(request),
    ...(Object.keys(generationConfig).length === 0 ? {} : { generationConfig }),
  };
  return withVendorOptions(body, request.vendorOptions, OWN_FIELDS);
}

function refused(field: string, reason: string): ProviderError {
  return new ProviderError('bad_request', `${field}: ${reason}.`);
}

function generationConfigOf(request: GenerateRequest): GenerationConfig {
  const { format, stop, reasoningEffort } = request;
  const config: GenerationConfig = {
    maxOutputTokens: request.maxOutputTokens,
    temperature: request.temperature,
    topP: request.topP,
    stopSequences: stop === undefined || stop.length === 0 ? undefined : [...stop],
    seed: request.seed,
    presencePenalty: request.presencePenalty,
    frequencyPenalty: request.frequencyPenalty,
    responseMimeType: format === undefined ? undefined : 'application/json',
    responseJsonSchema: typeof format === 'object' ? format.schema : undefined,
    thinkingConfig: reasoningEffort === undefined ? undefined : thinkingConfigOf(request.model, reasoningEffort),
  };
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
}

function thinkingConfigOf(model: string, effort: Effort): ThinkingConfig {
  const thinking = thinkingOf(model);
  if (thinking.by === 'nothing') throw refused('reasoningEffort', 'this model cannot think');
  if (thinking.by === 'budget') return { includeThoughts: true, thinkingBudget: BUDGET_TOKENS[effort] };
  const level = effort === 'minimal' && !thinking.minimal ? 'low' : effort;
  return { includeThoughts: true, thinkingLevel: level.toUpperCase() as NonNullable<ThinkingConfig['thinkingLevel']> };
}

function toolsOf(request: GenerateRequest): { tools?: Tool[]; toolConfig?: ToolConfig } {
  const { tools = [], toolChoice, parallelToolCalls } = request;
  if (tools.length === 0) {
    if (toolChoice === 'required' || typeof toolChoice === 'object') throw refused('toolChoice', 'there are no tools');
    return {};
  }
  if (parallelToolCalls === false) throw refused('parallelToolCalls', 'this vendor cannot be kept from parallel calls');
  const strict = tools.some((tool) => tool.strict === true);
  const functionDeclarations = tools.map(({ name, description, parameters }) => ({
    name,
    ...(description === undefined ? {} : { description }),
    parametersJsonSchema: parameters,
  }));
  const functionCallingConfig = callingConfigOf(toolChoice, strict);
  return {
    tools: [{ functionDeclarations }],
    ...(functionCallingConfig === undefined ? {} : { toolConfig: { functionCallingConfig } }),
  };
}

/** Calls that are forced keep to their schemas as they are; free ones do so in the mode VALIDATED. */
function callingConfigOf(choice: GenerateRequest['toolChoice'], strict: boolean): FunctionCallingConfig | undefined {
  const mode = (name: 'NONE' | 'ANY' | 'AUTO' | 'VALIDATED') => name as NonNullable<FunctionCallingConfig['mode']>;
  if (choice === 'none') return { mode: mode('NONE') };
  if (choice === 'required') return { mode: mode('ANY') };
  if (typeof choice === 'object') return { mode: mode('ANY'), allowedFunctionNames: [choice.name] };
  if (strict) return { mode: mode('VALIDATED') };
  return choice === undefined ? undefined : { mode: mode('AUTO') };
}
