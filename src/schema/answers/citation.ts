import type { AnswerCitation } from '../../domain/conversations/answer.ts';
import type { Document } from '../../domain/documents/document.ts';
import { builder } from '../builder.ts';
import { DocumentType } from '../documents/document-type.ts';
import type { Loaders } from '../loaders.ts';

/** A citation whose document is still there. */
export interface Citation extends AnswerCitation {
  document: Document;
  /** What its markers in the text say. */
  number: number;
}

/** The citations of an answer; a document that was deleted since is not quoted any more. */
export async function livingCitations(citations: readonly AnswerCitation[], loaders: Loaders): Promise<Citation[]> {
  const documents = await Promise.all(citations.map(({ documentId }) => loaders.document.load(documentId)));
  return citations.flatMap((citation, i) => {
    const document = documents[i] ?? null;
    return document === null ? [] : [{ ...citation, document, number: i + 1 }];
  });
}

export const CitationType = builder.objectRef<Citation>('Citation').implement({
  description: 'Where an answer has something from. One whose document was deleted since is left out.',
  fields: (t) => ({
    number: t.exposeInt('number', { description: 'What its markers in the text say: 1 for `[1]`.' }),
    document: t.field({ type: DocumentType, description: 'The document.', resolve: ({ document }) => document }),
    quote: t.exposeString('quote', {
      description:
        'Its words, as they stood in its text when the answer was given: checked, 600 characters at the most.',
    }),
    similarity: t.exposeFloat('similarity', {
      description:
        'Cosine similarity 0..1 of the question and the document’s best passage; 0 where it had no vector then.',
    }),
  }),
});
