import { z } from 'zod';
import type { ChatMessage, ToolCall } from '../../../plugins/contract.ts';
import { DomainError } from '../../../shared/errors.ts';
import { isJsonObject, type JsonObject } from '../../../shared/json.ts';
import { PromptFile } from '../../../shared/prompt-file.ts';
import { markedText, markerOf } from '../../gateway/marked-texts.ts';
import { strictJsonSchema } from '../../gateway/strict-json-schema.ts';
import type { AgentTools, MadeCall, ToolName } from '../agent-tools.ts';
import { OutOfReachError } from '../errors.ts';
import { MODEL_TOOLS, type ModelTool, type ToolResult } from './model-tools.ts';
import type { ToolParts, ToolRun } from './tool-run.ts';
import { asWritten, writeObject, writerOf } from './write-object.ts';

const PROMPT = new PromptFile<'prompt' | 'marker'>(new URL('./use-tools-prompt.md', import.meta.url));

const ROUNDS_MAX = 20;
/** Of one round; further ones are answered without being called. */
const CALLS_PER_ROUND = 8;
const RESULT_MAX_CHARACTERS = 30_000;
/** Of all results together: once they are that long, the model has to make do with them. */
const RESULTS_MAX_CHARACTERS = 300_000;
const REFUSAL_MAX_CHARACTERS = 1_000;

export interface AskedWithTools<Schema extends z.ZodObject> {
  prompt: string;
  question: string;
  tools: readonly ToolName[];
  name: string;
  schema: Schema;
  maxRounds: number;
}

type Result = { call: MadeCall; text: string } | { refusal: string };

/**
 * Lets the model look for what it needs with tools that read, and then has it write an object about what they gave. What
 * it asks for that is not on offer, or in a way that does not fit, is refused, and it is told so.
 * @param tools the run's own: each call is bound and counted like those of the type itself
 * @param allowed the tools of the run's type
 */
export async function writeWithTools<Schema extends z.ZodObject>(
  parts: ToolParts,
  run: ToolRun,
  tools: AgentTools,
  allowed: readonly ToolName[],
  asked: AskedWithTools<Schema>,
): Promise<{ value: z.output<Schema>; calls: MadeCall[] }> {
  const offered = MODEL_TOOLS.filter(({ name }) => asked.tools.includes(name) && allowed.includes(name));
  const results = writerOf(run).callsTools
    ? await lookAround(parts, run, tools, offered, asked)
    : await searchOnce(tools, offered, asked.question);
  const texts = results.map(({ call, text }, i) => ({
    name: `result ${i + 1} of ${call.tool} ${JSON.stringify(call.arguments)}`,
    text,
  }));
  const { prompt, question, name, schema } = asked;
  const value = await writeObject(parts, run, { prompt: `${prompt}\n\n${question}`, texts, name, schema });
  return { value, calls: results.map(({ call }) => call) };
}

async function lookAround<Schema extends z.ZodObject>(
  parts: ToolParts,
  run: ToolRun,
  tools: AgentTools,
  offered: readonly ModelTool[],
  { prompt, question, maxRounds }: AskedWithTools<Schema>,
): Promise<{ call: MadeCall; text: string }[]> {
  const marker = markerOf(['agent tools', prompt, question]);
  const messages: ChatMessage[] = [
    { role: 'system', text: PROMPT.fill({ prompt, marker }) },
    { role: 'user', parts: [{ kind: 'text', text: question }] },
  ];
  const declared = offered.map(({ name, description, schema }) => ({
    ...{ name, description, strict: true },
    parameters: strictJsonSchema(schema),
  }));
  const results: { call: MadeCall; text: string }[] = [];
  let left = RESULTS_MAX_CHARACTERS;
  for (let round = 0; round < Math.min(maxRounds, ROUNDS_MAX) && declared.length > 0; round++) {
    run.assertLeft();
    const input = { ...asWritten(writerOf(run)), messages, tools: declared, cache: 'off' as const };
    const answer = await parts.gateway.generate(run.call('generate'), input);
    if (answer.toolCalls.length === 0) break;
    messages.push({ role: 'assistant', text: answer.text, toolCalls: answer.toolCalls });
    for (const [i, called] of answer.toolCalls.entries()) {
      const result =
        i >= CALLS_PER_ROUND
          ? { refusal: `Not done: ${CALLS_PER_ROUND} calls are the most at once.` }
          : left === 0
            ? { refusal: 'Not done: you have been told as much as you can be.' }
            : await callTool(tools, offered, called, left);
      if ('call' in result) {
        results.push(result);
        left -= result.text.length;
      }
      const said = 'call' in result ? markedText(marker, 'result', result.text) : result.refusal;
      messages.push({ role: 'tool', toolCallId: called.id, text: said });
    }
    if (left === 0) break;
  }
  return results;
}

/** For a model that cannot be given tools: what the question itself finds. */
async function searchOnce(tools: AgentTools, offered: readonly ModelTool[], question: string) {
  const search = offered.find(({ name }) => name === 'search');
  if (search === undefined) return [];
  const given = { query: question.slice(0, 2_000), kinds: null, first: 10 };
  return [madeCall(search, given, await search.run(tools, given))];
}

/** A call with as much of its result as the model is told, and the documents of that much. */
function madeCall(
  { name }: ModelTool,
  given: JsonObject,
  { text, documentIds }: ToolResult,
  left = RESULT_MAX_CHARACTERS,
) {
  // What is cut in the middle of a character is none that a vendor takes.
  const told = text.slice(0, Math.min(left, RESULT_MAX_CHARACTERS)).toWellFormed();
  return {
    call: { tool: name, arguments: given, documentIds: documentIds.filter((id) => told.includes(id)) },
    text: told,
  };
}

/** What a model is told of its call: never an error of the run, which ends it. */
async function callTool(
  tools: AgentTools,
  offered: readonly ModelTool[],
  called: ToolCall,
  left: number,
): Promise<Result> {
  const tool = offered.find(({ name }) => name === called.name);
  if (tool === undefined) {
    const names = offered.map(({ name }) => name).join(', ');
    return { refusal: `Refused: you have no tool ${JSON.stringify(called.name.slice(0, 80))}; there are: ${names}.` };
  }
  const given = jsonObject(called.arguments);
  const parsed = given === null ? null : tool.schema.safeParse(given);
  if (given === null || parsed === null) return { refusal: 'Refused: the arguments are no JSON object.' };
  if (!parsed.success) return { refusal: refused(`the arguments do not fit. ${z.prettifyError(parsed.error)}`) };
  try {
    return madeCall(tool, given, await tool.run(tools, parsed.data), left);
  } catch (error) {
    if (!isOfArguments(error)) throw error;
    return { refusal: refused((error as Error).message) };
  }
}

/** Whether other arguments would have done better; all else is not the model's business. */
function isOfArguments(error: unknown): boolean {
  if (error instanceof OutOfReachError) return true;
  return error instanceof DomainError && (error.code === 'BAD_INPUT' || error.code === 'NOT_FOUND');
}

function refused(why: string): string {
  return `Refused: ${why}`.slice(0, REFUSAL_MAX_CHARACTERS);
}

function jsonObject(text: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(text || '{}');
    return isJsonObject(value as never) ? (value as JsonObject) : null;
  } catch {
    return null;
  }
}
