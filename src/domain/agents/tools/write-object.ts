import type { z } from 'zod';
import { PromptFile } from '../../../shared/prompt-file.ts';
import { markedText, markerOf } from '../../gateway/marked-texts.ts';
import { generateObject } from '../../gateway/structured-output.ts';
import type { AgentsWriter } from '../agents-writer.ts';
import type { ToolParts, ToolRun } from './tool-run.ts';

const PROMPT = new PromptFile<'prompt' | 'marker'>(new URL('./write-prompt.md', import.meta.url));

/** Of the texts of one question, together: what is longer is the type's to choose from. */
const TEXTS_MAX_CHARACTERS = 400_000;

export interface AskedObject<Schema extends z.ZodObject> {
  prompt: string;
  texts: readonly { name: string; text: string }[];
  name: string;
  schema: Schema;
  maxOutputTokens?: number;
}

/** Has the model write an object about texts, which it is shown between lines that none of them can forge. */
export async function writeObject<Schema extends z.ZodObject>(
  parts: ToolParts,
  run: ToolRun,
  asked: AskedObject<Schema>,
): Promise<z.output<Schema>> {
  const { prompt, texts, name, schema, maxOutputTokens } = asked;
  const characters = texts.reduce((sum, { text }) => sum + text.length, 0);
  if (characters > TEXTS_MAX_CHARACTERS) {
    throw new RangeError(`a model is shown ${TEXTS_MAX_CHARACTERS} characters of texts at once, not ${characters}`);
  }
  const marker = markerOf(['agents', prompt, texts]);
  const marked = texts.map(({ name: called, text }) => markedText(marker, lineOf(called), text));
  // Half of a surrogate pair, where a text was cut, is refused by vendors.
  const shown = marked.join('\n\n').toWellFormed();
  const input = {
    ...asWritten(writerOf(run)),
    messages: [
      { role: 'system' as const, text: PROMPT.fill({ prompt, marker }) },
      { role: 'user' as const, parts: [{ kind: 'text' as const, text: shown || '(no texts)' }] },
    ],
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    // A step is not taken twice, and a text that is deleted must not live on in an answer.
    cache: 'off' as const,
  };
  const { value } = await generateObject(parts.gateway, run.call('generate'), input, { name, schema });
  return value;
}

/** @throws Error where none writes, which a type is told before */
export function writerOf({ writer }: ToolRun): AgentsWriter {
  if (writer === null) throw new Error('no model writes for this workspace: a type asks only where there is one');
  return writer;
}

/** Which model, as the gateway takes it. */
export function asWritten({ work, named }: AgentsWriter) {
  return { work, ...(named === undefined ? {} : { model: named }) };
}

/** A name stands in a line of its own. */
function lineOf(name: string): string {
  return name.replace(/[\s<>]+/g, ' ').slice(0, 200);
}
