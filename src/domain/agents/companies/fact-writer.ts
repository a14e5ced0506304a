import { z } from 'zod';
import type { AgentRunContext } from '../agent-type.ts';
import { unsaidFigures } from '../evidence/numbered-passages.ts';

type Run = Pick<AgentRunContext<unknown, unknown>, 'tools' | 'model'>;

/** What a model wrote of facts, and who that was. */
export type FactText = { text: string; nextStep: string };

const WRITTEN = z.object({
  text: z.string().min(1).max(1_200).describe('Two to four sentences made of the facts alone'),
  nextStep: z.string().min(1).max(400).describe('One imperative sentence: who should do what, and about what'),
});

const CAPITALISED = /(?<![\p{L}\p{N}’'-])\p{Lu}[\p{L}\p{M}\p{N}’'-]+/gu;
const SENTENCE_START = /(?:^|[.!?:;–—(“"]\s*|\n\s*)$/u;

/**
 * Has the model say facts as a person would. What holds a name or a figure that the facts do not hold is not used.
 * @returns null: there is no model, or what it wrote says more than the facts
 */
export async function writeFromFacts(
  { tools, model }: Run,
  asked: { prompt: string; facts: readonly string[]; name: string },
): Promise<FactText | null> {
  if (model === null) return null;
  const written = await tools.write({
    prompt: asked.prompt,
    texts: [{ name: 'facts', text: asked.facts.join('\n') }],
    name: asked.name,
    schema: WRITTEN,
    maxOutputTokens: 600,
  });
  return saysMore(`${written.text}\n${written.nextStep}`, asked.facts) ? null : written;
}

/** Whether a text has figures, addresses or names that stand in none of the facts. */
export function saysMore(text: string, facts: readonly string[]): boolean {
  return unsaidFigures(text, facts).length > 0 || unsaidNames(text, facts).length > 0;
}

/** Words with a capital that no fact has; the first word of a sentence may be any. */
export function unsaidNames(text: string, facts: readonly string[]): string[] {
  const known = new Set((facts.join('\n').match(/[\p{L}\p{M}\p{N}’'-]+/gu) ?? []).map(plain));
  return [...text.matchAll(CAPITALISED)]
    .filter(({ index }) => !SENTENCE_START.test(text.slice(0, index)))
    .map(([word]) => word)
    .filter((word) => !known.has(plain(word)));
}

function plain(word: string): string {
  return word
    .toLowerCase()
    .replace(/[’']s$/u, '')
    .replaceAll('’', "'");
}
