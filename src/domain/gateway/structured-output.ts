import { z } from 'zod';
import type { ChatMessage } from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import { PromptFile } from '../../shared/prompt-file.ts';
import { ProviderFailedError } from './errors.ts';
import { withDefaults } from './generate-calls.ts';
import type { Attempt, GeneratedAnswer, GenerationInput } from './generation.ts';
import type { ModelCall } from './model-call.ts';
import type { CatalogModel } from './model-catalog.ts';
import type { ModelGateway } from './model-gateway.ts';
import type { Route } from './router.ts';
import { strictJsonSchema, writtenJsonSchema } from './strict-json-schema.ts';

const SCHEMA_PROMPT = new PromptFile<'schema'>(new URL('./schema-prompt.md', import.meta.url));
const REPAIR_PROMPT = new PromptFile<'issues'>(new URL('./repair-prompt.md', import.meta.url));
const ISSUES_MAX_CHARACTERS = 4_000;
/** How much longer the second answer may be where the first one was cut. */
const CUT_FACTOR = 4;
/** Tokens that a limit which nobody told is taken to be at the least. */
const LEAST_GUESSED_LIMIT = 256;

/** What to answer; the format is that of the shape. */
export type ObjectInput = Omit<GenerationInput, 'format'>;

/** An object that a model is to give. */
export interface ObjectShape<Schema extends z.ZodType> {
  /** Letters, digits, `_` and `-`; 64 at the most. */
  name: string;
  /** An object, whose fields may be nullable, but not optional; records, tuples and intersections are not possible. */
  schema: Schema;
}

/** An object, and the answer that it was read from. What came before that one is in the ledger and in the tally. */
export interface GeneratedObject<Value> {
  value: Value;
  answer: GeneratedAnswer;
}

type Reading<Value> = { value: Value } | { issues: string };

/**
 * An answer of a given shape: by the vendor's own schema mode, or by asking for it in words where the model has none. An
 * answer that does not fit gets one second chance: it is asked for again with what was wrong, or, where it was cut, with
 * more room.
 * @throws as `ModelGateway.generate`; ProviderFailedError of the kind `malformed` where the second one does not fit
 * @throws TypeError where no strict schema can be made
 */
export async function generateObject<Schema extends z.ZodType>(
  gateway: ModelGateway,
  call: ModelCall,
  input: ObjectInput,
  { name, schema }: ObjectShape<Schema>,
): Promise<GeneratedObject<z.output<Schema>>> {
  const attempts: Attempt[] = [];
  const ask = async (asked: GenerationInput) => {
    const answer = await gateway.generate(call, asked);
    attempts.push(...answer.attempts);
    return { answer, reading: read(schema, answer, attempts) };
  };
  const bySchema = { ...input, format: { name, schema: strictJsonSchema(schema), strict: true } };
  const inWords = { ...input, messages: withSystemText(input.messages, schemaText(schema)) };
  const workspaceId = call.caller.workspace.id;
  const route = await gateway.router.route({
    workspaceId,
    model: input.model,
    work: input.work,
    fallbacks: input.fallbacks ?? [],
    capabilities: ['GENERATE'],
  });
  let request: GenerationInput = knowsSchemas(route.first) ? bySchema : inWords;
  let asked: Awaited<ReturnType<typeof ask>>;
  try {
    asked = await ask(request);
  } catch (error) {
    const parameters = input.model === undefined ? await gateway.router.chosenParameters(workspaceId, input.work) : {};
    const next = request === bySchema ? await nextInWords(error, route, withDefaults(inWords, parameters)) : null;
    if (next === null) throw error;
    request = next;
    asked = await ask(request);
  }
  // The cache keeps whatever was said: there, a wrong answer is as good as none.
  if ('issues' in asked.reading && asked.answer.cached) asked = await ask({ ...request, cache: 'refresh' });
  if ('issues' in asked.reading) asked = await ask(secondChance(request, asked.answer, asked.reading.issues));
  const { answer, reading } = asked;
  if ('value' in reading) return { value: reading.value, answer };
  throw failure(attempts, 'malformed', `${answer.model} did not answer in the shape asked for: ${reading.issues}`);
}

/**
 * What is left to be tried in words: everything, where the server refuses the request, as many do that took over a
 * vendor's format and not its schemas; else the fallbacks that were passed over for want of a schema mode.
 */
async function nextInWords(error: unknown, route: Route, inWords: GenerationInput): Promise<GenerationInput | null> {
  if (!(error instanceof ProviderFailedError) || error.kind === 'content_filter') return null;
  if (error.kind === 'bad_request') return inWords;
  const left: string[] = [];
  for (let target = await route.next(); target !== null; target = await route.next()) {
    if (!knowsSchemas(target)) left.push(target.id);
  }
  return left.length === 0 ? null : { ...inWords, model: left[0], fallbacks: left.slice(1) };
}

function knowsSchemas({ info }: CatalogModel): boolean {
  return info.capabilities.includes('STRUCTURED_OUTPUT');
}

/** Not kept: nobody asks this question twice. */
function secondChance(request: GenerationInput, answer: GeneratedAnswer, issues: string): GenerationInput {
  if (answer.finishReason === 'length') {
    // The workspace's choice or the vendor may have set the limit: then it shows in what came, but for thoughts that
    // nobody counted.
    const limit = request.maxOutputTokens ?? Math.max(answer.usage.outputTokens, LEAST_GUESSED_LIMIT);
    return { ...request, maxOutputTokens: limit * CUT_FACTOR, cache: 'off' };
  }
  const repair = REPAIR_PROMPT.fill({ issues });
  const messages: ChatMessage[] = [
    ...request.messages,
    // Vendors refuse a turn without a word.
    { role: 'assistant', text: answer.text.trim() || '(nothing)' },
    { role: 'user', parts: [{ kind: 'text', text: repair }] },
  ];
  return { ...request, messages, cache: 'off' };
}

/** @throws ProviderFailedError where the vendor held the answer back */
function read<Schema extends z.ZodType>(
  schema: Schema,
  { text, finishReason, model }: GeneratedAnswer,
  attempts: readonly Attempt[],
): Reading<z.output<Schema>> {
  if (finishReason === 'content_filter') {
    throw failure(attempts, 'content_filter', `${model}: the vendor's content filter held the answer back`);
  }
  const json = lenientJson(text);
  const parsed = json === undefined ? null : schema.safeParse(json);
  if (parsed?.success === true) return { value: parsed.data };
  if (finishReason === 'length') return { issues: 'it was cut at the limit of its length' };
  if (parsed === null) return { issues: 'it is not a JSON object' };
  return { issues: z.prettifyError(parsed.error).slice(0, ISSUES_MAX_CHARACTERS) };
}

/** What a model wrote as JSON, also where it thinks aloud before it or puts a code fence around it; else undefined. */
function lenientJson(text: string): unknown {
  const said = text.replace(/^\s*<think>[\s\S]*?<\/think>/, '').trim();
  const fenced = /```(?:json)?\s*\n([\s\S]*?)\n\s*```/i.exec(said)?.[1];
  const braced = said.slice(said.indexOf('{'), said.lastIndexOf('}') + 1);
  for (const candidate of [said, fenced, braced]) {
    try {
      if (candidate) return JSON.parse(candidate);
    } catch {
      // The next one may be.
    }
  }
  return undefined;
}

function schemaText(schema: z.ZodType): string {
  return SCHEMA_PROMPT.fill({ schema: JSON.stringify(writtenJsonSchema(schema)) });
}

/** As part of the first system message: not every model reads a second one. */
function withSystemText(messages: readonly ChatMessage[], text: string): ChatMessage[] {
  const [first, ...rest] = messages;
  if (first?.role === 'system') return [{ role: 'system', text: `${first.text}\n\n${text}` }, ...rest];
  return [{ role: 'system', text }, ...messages];
}

function failure(attempts: readonly Attempt[], kind: 'malformed' | 'content_filter', message: string) {
  const numbered = attempts.map((attempt, i) => ({ ...attempt, seq: i + 1 }));
  return new ProviderFailedError(numbered, new ProviderError(kind, message));
}
