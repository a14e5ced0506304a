import { z } from 'zod';
import { PromptFile } from '../../../../shared/prompt-file.ts';
import { storableText } from '../../../../shared/text.ts';
import { CitationMarkers } from '../../../conversations/answering/citation-markers.ts';
import type { AgentTools } from '../../agent-tools.ts';
import { type Citation, clipped, dayOf, inline } from '../../evidence/citation.ts';
import type { EvidenceDocument } from '../../evidence/evidence-document.ts';
import {
  addressesOf,
  checkedCitation,
  type NumberedPassage,
  namedPassages,
  passagesOf,
  unsaidFigures,
} from '../../evidence/numbered-passages.ts';
import type { Brief, DraftText } from './draft.ts';

const PROMPT = new PromptFile<'form' | 'tone' | 'words' | 'language' | 'audience' | 'today'>(
  new URL('./prompt.md', import.meta.url),
);
const SHAPE = z.object({
  title: z.string(),
  outline: z.array(z.string()),
  body: z.string(),
  citations: z.array(z.object({ passage: z.number(), quote: z.string() })),
});
/** What a model has written. */
export type SaidDraft = z.output<typeof SHAPE>;

const PASSAGES = { characters: 30_000, perDocument: 1_500 };
const TITLE_CHARACTERS = 200;
const BODY_CHARACTERS = 20_000;
const OUTLINE = { points: 12, characters: 200 };
const CITATIONS = 60;

/** Has a model write the draft from numbered passages, and keeps the citations that stand there. */
export async function writeDraft(
  tools: AgentTools,
  brief: Brief,
  sources: readonly EvidenceDocument[],
): Promise<DraftText> {
  const passages = passagesOf(sources, PASSAGES);
  // Both may be what somebody has written in a document: they are shown as texts are, and are no part of the order.
  const about = JSON.stringify({ topic: brief.topic, company: brief.company?.name ?? null });
  const prompt = PROMPT.fill({
    form: brief.form.replace('-', ' '),
    tone: brief.tone,
    words: String(brief.words),
    language: JSON.stringify(brief.language),
    audience: JSON.stringify(brief.audience),
    today: dayOf(brief.today),
  });
  const texts = [{ name: 'about', text: about }, ...namedPassages(passages)];
  const said = await tools.write({ prompt, texts, name: 'draft', schema: SHAPE });
  return checkedDraft(said, passages, brief);
}

/** The draft with the markers of those citations alone that hold. */
export function checkedDraft(said: SaidDraft, passages: readonly NumberedPassage[], brief: Brief): DraftText {
  const valid = new Map<number, Citation>();
  for (const each of said.citations.slice(0, CITATIONS)) {
    const citation = valid.has(each.passage) ? null : checkedCitation(passages, each);
    if (citation !== null) valid.set(each.passage, citation);
  }
  const citations: Citation[] = [];
  const ordinals = new Map<number, number>();
  const markers = new CitationMarkers((passage) => {
    const citation = valid.get(passage);
    if (citation === undefined) return null;
    const ordinal = ordinals.get(passage) ?? citations.push(citation);
    ordinals.set(passage, ordinal);
    return ordinal;
  });
  const body = storableText(markers.push(said.body) + markers.flush())
    .trim()
    .slice(0, BODY_CHARACTERS)
    .toWellFormed();
  const cited = [...ordinals.keys()].flatMap((passage) => passages[passage - 1] ?? []);
  const known = cited.flatMap(({ document: { title, at, author }, text }) => [
    title,
    at.slice(0, 10),
    dayOf(at),
    author ?? '',
    text,
  ]);
  const given = [brief.topic ?? '', brief.company?.name ?? '', dayOf(brief.today)];
  const plain = body.replace(/\[\d+\]/g, '');
  const named = new Set(said.citations.map(({ passage }) => passage)).size;
  return {
    title: clipped(inline(storableText(said.title)), TITLE_CHARACTERS),
    outline: said.outline
      .slice(0, OUTLINE.points)
      .map((point) => clipped(inline(storableText(point)), OUTLINE.characters)),
    body,
    citations,
    toCheck: [...new Set([...unsaidFigures(plain, [...known, ...given]), ...addressesOf(plain)])],
    citationsDropped: named - valid.size,
    note: 'A draft by a model: what has no marker is its own. Look up the citations before it is sent.',
  };
}
