import { z } from 'zod';
import { PromptFile } from '../../../../shared/prompt-file.ts';
import { storableText } from '../../../../shared/text.ts';
import type { AgentTools } from '../../agent-tools.ts';
import { type Citation, clipped, dayOf, inline } from '../../evidence/citation.ts';
import {
  checkedCitation,
  type NumberedPassage,
  namedPassages,
  passagesOf,
  unsaidFigures,
} from '../../evidence/numbered-passages.ts';
import { type BriefSize, type BriefStatements, NEED_KINDS } from './company-brief.ts';
import type { CompanyMaterial } from './material.ts';

const PROMPT = new PromptFile<'today' | 'size' | 'focus'>(new URL('./prompt.md', import.meta.url));

const SECTIONS = ['who', 'lately', 'person', ...NEED_KINDS, 'question'] as const;
const SHAPE = z.object({
  statements: z.array(
    z.object({
      section: z.enum(SECTIONS),
      text: z.string(),
      passage: z.number(),
      quote: z.string(),
      name: z.string().nullable(),
      role: z.string().nullable(),
    }),
  ),
});
type Said = z.output<typeof SHAPE>['statements'][number];
type Section = Said['section'];

const STATEMENT_CHARACTERS = 500;
const NAME_CHARACTERS = 80;
/** Statements that are looked at; what a model writes beyond them is dropped. */
const STATEMENTS_MAX = 100;
const PASSAGE_CHARACTERS = 1_500;

/** What a model wrote, as far as documents bear it out. */
export interface WrittenBrief extends BriefStatements {
  /** Statements without a valid citation, or with figures that nobody has said. */
  dropped: number;
}

/** Has a model write the statements of a brief from numbered passages, and keeps those whose quotes stand there. */
export async function writeBrief(
  tools: AgentTools,
  material: CompanyMaterial,
  options: { size: BriefSize; characters: number; focus: readonly string[]; today: Date },
): Promise<WrittenBrief> {
  const passages = briefPassages(material, options.characters);
  const { size, focus, today } = options;
  const prompt = PROMPT.fill({
    today: dayOf(today),
    size: `at most ${size.whoTheyAre} of \`who\`, ${size.lately} of \`lately\`, ${size.people} of \`person\`, ${size.needs} of \`complaint\`, \`wish\`, \`interest\` and \`praise\` together, ${size.openQuestions} of \`question\``,
    focus: focus.length === 0 ? 'nothing in particular' : focus.map((each) => JSON.stringify(each)).join(', '),
  });
  // A company is called what somebody has written into a document.
  const texts = [{ name: 'company', text: inline(material.names.name) }, ...namedPassages(passages)];
  const { statements } = await tools.write({ prompt, texts, name: 'brief', schema: SHAPE });
  return checkedBrief(statements, passages, size);
}

/** The company's own document first, then what was said of it, newest first. */
export function briefPassages({ own, documents }: CompanyMaterial, characters: number): NumberedPassage[] {
  return passagesOf([own, ...documents], { characters, perDocument: PASSAGE_CHARACTERS });
}

/** The statements whose citations hold, in their sections. */
export function checkedBrief(
  statements: readonly Said[],
  passages: readonly NumberedPassage[],
  size: BriefSize,
): WrittenBrief {
  const kept = statements.slice(0, STATEMENTS_MAX).flatMap((said) => {
    const citation = checkedCitation(passages, said);
    const source = passages[said.passage - 1];
    const text = clipped(inline(storableText(said.text)), STATEMENT_CHARACTERS);
    if (citation === null || source === undefined || text === '') return [];
    return unsaidFigures(text, passageTexts(source)).length > 0 ? [] : [{ said, text, citation, source }];
  });
  const newest = kept.toSorted((left, right) =>
    left.citation.at < right.citation.at ? 1 : left.citation.at > right.citation.at ? -1 : 0,
  );
  const of = (section: Section) => newest.filter(({ said }) => said.section === section);
  const plain = (section: Section, limit: number) =>
    of(section)
      .slice(0, limit)
      .map(({ text, citation }) => ({ text, citation }));
  const needs = NEED_KINDS.flatMap((kind) =>
    of(kind).map(({ text, citation, source }) => ({
      text,
      citation,
      kind,
      by: source.document.author,
    })),
  );
  return {
    whoTheyAre: plain('who', size.whoTheyAre),
    lately: plain('lately', size.lately),
    people: of('person')
      .flatMap((each) => personOf(each))
      .slice(0, size.people),
    needs: needs.slice(0, size.needs),
    openQuestions: plain('question', size.openQuestions),
    dropped: statements.length - kept.length,
  };
}

/** A person is named as the passage names them, or not at all. */
function personOf({
  said,
  text,
  citation,
  source,
}: {
  said: Said;
  text: string;
  citation: Citation;
  source: NumberedPassage;
}) {
  const name = inline(said.name ?? '').slice(0, NAME_CHARACTERS);
  const told = passageTexts(source).join('\n');
  if (name === '' || !told.includes(name)) return [];
  const role = inline(said.role ?? '').slice(0, NAME_CHARACTERS);
  return [{ name, role: role !== '' && told.toLowerCase().includes(role.toLowerCase()) ? role : null, text, citation }];
}

function passageTexts({ document: { title, at, author }, text }: NumberedPassage): string[] {
  return [title, text, author ?? '', at.slice(0, 10), dayOf(at)];
}
