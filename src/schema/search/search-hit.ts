import { highlight } from '../../domain/search/highlight.ts';
import type { RankedHit, SearchMode } from '../../domain/search/search.ts';
import { NotFoundError } from '../../shared/errors.ts';
import { builder } from '../builder.ts';
import { describedValues } from '../described-values.ts';
import { DocumentType } from '../documents/document-type.ts';

/** A hit, with the query that a highlight is made for; null where there was none. */
export type Hit = RankedHit & { query: string | null };

export const SearchModeEnum = builder.enumType('SearchMode', {
  description: 'What a search goes by.',
  values: describedValues<SearchMode>({
    SEMANTIC: 'Meaning: the vectors.',
    KEYWORD: 'Words, in their stems.',
    HYBRID: 'Both together.',
  }),
});

export const SearchHitType = builder.objectRef<Hit>('SearchHit').implement({
  description: 'A document that was found.',
  fields: (t) => ({
    document: t.field({
      type: DocumentType,
      description: 'The document.',
      resolve: async (hit, _args, { loaders }) => {
        const document = await loaders.document.load(hit.documentId);
        if (document === null) throw new NotFoundError('document', hit.documentId);
        return document;
      },
    }),
    similarity: t.exposeFloat('similarity', {
      nullable: true,
      description:
        'Cosine similarity 0..1 of the best passage; null in KEYWORD mode and where the document has no vector yet.',
    }),
    score: t.exposeFloat('score', {
      description:
        'What the hits are sorted by: 0..1 in SEMANTIC and HYBRID, without an upper bound in KEYWORD. A document that the query names by its external id or issue key stands first in HYBRID (with 1) and KEYWORD.',
    }),
    rank: t.exposeInt('rank', { description: '1 for the best; goes on across pages.' }),
    highlight: t.string({
      nullable: true,
      description: 'The best passage, HTML-escaped, with the words of the query in <mark>; null for similar documents.',
      resolve: async (hit, _args, { loaders }) => {
        if (hit.query === null) return null;
        const document = await loaders.document.load(hit.documentId);
        return document === null ? null : highlight(document.text, hit.query, hit.bestChunk);
      },
    }),
    matchedBy: t.field({
      type: [SearchModeEnum],
      description: 'Which sides found it.',
      resolve: (hit) => hit.matchedBy,
    }),
  }),
});
