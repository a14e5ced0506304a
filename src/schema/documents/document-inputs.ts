import type { DocumentKind, EmbeddingStatus } from '../../domain/documents/document.ts';
import type { AiTask } from '../../domain/documents/document-service.ts';
import { builder } from '../builder.ts';
import { describedValues } from '../described-values.ts';

export const DocumentKindEnum = builder.enumType('DocumentKind', {
  description: 'Which extractor turns `source` into text.',
  values: describedValues<DocumentKind>({
    TEXT: 'Plain text.',
    FEEDBACK: 'Feedback on a board: title, body, board, product area, votes, tags, comments.',
    COMPANY: 'A company: name, description, industry, SIC codes, categories, website.',
    JIRA_ISSUE:
      'A Jira issue of REST v2 or v3: title, description, type, priority, custom fields, the last 3 comments, labels, components.',
    PULL_REQUEST: 'A pull request: title, body, state, the last 2 review comments, labels.',
    COMMIT: 'A commit: summary, details, files, changes.',
    MESSAGE: 'A chat message.',
  }),
});

export const EmbeddingStatusEnum = builder.enumType('EmbeddingStatus', {
  description: 'Whether a document can be found by meaning.',
  values: describedValues<EmbeddingStatus>({
    MISSING: 'It has no vectors yet.',
    STALE:
      'Its text, or the workspace’s embedding model, has changed since; the old vectors serve until the new ones are there.',
    READY: 'Its vectors are those of its text.',
    FAILED: 'The provider refused its text.',
  }),
});

export const AiTaskEnum = builder.enumType('AiTask', {
  description: 'Work that models do on documents.',
  values: describedValues<AiTask>({
    EMBED: 'Vectors, for search and similarity.',
    CLASSIFY: 'Labels of the taxonomy "feedback".',
    SENTIMENT: 'How it feels.',
    INTENT: 'What it is after.',
    SUMMARISE: 'What it says, in a few sentences.',
    THEMES:
      'What several of them are about. Sorts them into the themes of their collection and of the workspace; at the end of a job these are found anew where there are none, or where a fifth of the documents (and five of them) have come or gone since.',
  }),
});

const ClassificationFilter = builder.inputType('ClassificationFilter', {
  description:
    'Documents that were classified so. Labels are computed when they are first read, or by the tasks of a job.',
  fields: (t) => ({
    taxonomy: t.string({ required: true, description: 'Name of the taxonomy; one that is not there is refused.' }),
    labels: t.stringList({
      required: true,
      description:
        'One of these labels, in any dimension and spelling (`FEATURE_REQUEST`, `feature request`). One that the taxonomy cannot give is refused.',
    }),
    minConfidence: t.float({ description: '0..1; labels below it do not count. See `Classification.confidence`.' }),
  }),
});

export const DocumentFilter = builder.inputType('DocumentFilter', {
  description: 'Which documents. What is left out does not narrow; a list means "one of".',
  fields: (t) => ({
    collectionIds: t.idList({ description: 'In these collections.' }),
    kinds: t.field({ type: [DocumentKindEnum], description: 'Of these kinds.' }),
    metadata: t.field({
      type: 'JSON',
      description: 'With all of these keys and values in their metadata, nested ones too.',
    }),
    createdAfter: t.field({ type: 'DateTime', description: 'Created later than this.' }),
    createdBefore: t.field({ type: 'DateTime', description: 'Created earlier than this.' }),
    embedding: t.field({ type: [EmbeddingStatusEnum], description: 'With their embedding in one of these states.' }),
    classification: t.field({ type: ClassificationFilter, description: 'Classified so.' }),
  }),
});

export const DocumentInput = builder.inputType('DocumentInput', {
  description:
    'A document to write. `title` and `text` win over what the extractor makes of `source`; something must give a text.',
  fields: (t) => ({
    externalId: t.string({
      description: 'Your own id: writing it again updates the document. Unique in the collection; 1 to 500 characters.',
    }),
    kind: t.field({ type: DocumentKindEnum, description: 'The collection’s kind where it is left out.' }),
    title: t.string({ description: 'At most 2,000 characters.' }),
    text: t.string({ description: 'Kept as it is; at most 1,000,000 characters.' }),
    source: t.field({ type: 'JSON', description: 'The record as its system has it; at most 4 MB.' }),
    metadata: t.field({ type: 'JSON', description: 'What to filter by; at most 64 kB.' }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When it came to be in its system; now where it is left out.',
    }),
  }),
});
