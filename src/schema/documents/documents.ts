import type { GraphQLResolveInfo } from 'graphql';
import { z } from 'zod';
import type { Document, DocumentFilter as Filter } from '../../domain/documents/document.ts';
import { fieldsOfItems } from '../asked-fields.ts';
import { builder } from '../builder.ts';
import type { GraphContext } from '../context.ts';
import { PAGE_ARGS, pageComplexity } from '../page-args.ts';
import { decodeCursor, type Page, pageSize, toPage } from '../paging.ts';
import { CollectionType } from './collection-type.ts';
import { DocumentFilter, DocumentKindEnum, EmbeddingStatusEnum } from './document-inputs.ts';
import { DocumentType } from './document-type.ts';

const EmbeddingStateType = builder.objectRef<Document>('EmbeddingState').implement({
  description: 'Whether a document can be found by meaning.',
  fields: (t) => ({
    status: t.field({
      type: EmbeddingStatusEnum,
      description: 'Its state.',
      resolve: (document) => document.embeddingStatus,
    }),
    model: t.exposeString('embeddingModel', {
      nullable: true,
      description: 'The model of its vectors; null while it has none.',
    }),
    generatedAt: t.expose('embeddedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When they were made; null while it has none.',
    }),
    tokenCount: t.exposeInt('tokenCount', {
      nullable: true,
      description: 'Tokens that the model read; null while it has none.',
    }),
    chunks: t.exposeInt('chunkCount', { description: 'Pieces that the text was cut into; each has a vector.' }),
  }),
});

builder.node(DocumentType, {
  name: 'Document',
  description: 'A piece of content: kept as it came (`source`), and as text.',
  id: { resolve: (document) => document.id },
  loadOne: (id, { loaders }) => loaders.document.load(id),
  fields: (t) => ({
    externalId: t.exposeString('externalId', {
      nullable: true,
      description: 'Its id in its own system; null where none was given.',
    }),
    kind: t.field({
      type: DocumentKindEnum,
      description: 'Which extractor made its text.',
      resolve: (document) => document.kind,
    }),
    collection: t.field({
      type: CollectionType,
      description: 'Where it belongs.',
      resolve: async (document, _args, { loaders }) => {
        const collection = await loaders.collection.load(document.collectionId);
        if (collection === null)
          throw new Error(`the collection ${document.collectionId} of ${document.id} is not there`);
        return collection;
      },
    }),
    title: t.exposeString('title', {
      nullable: true,
      description: 'Null where neither was one given nor the source has one.',
    }),
    text: t.exposeString('text', { description: 'What search and models read.' }),
    source: t.field({ type: 'JSON', description: 'The record as it came.', resolve: (document) => document.source }),
    metadata: t.field({ type: 'JSON', description: 'What filters look at.', resolve: (document) => document.metadata }),
    language: t.exposeString('language', {
      nullable: true,
      description: 'ISO 639-1 code of its language; null where that could not be told.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it came to be in its system.' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When it was last changed here.' }),
    embedding: t.field({
      type: EmbeddingStateType,
      description: 'Whether it can be found by meaning.',
      resolve: (document) => document,
    }),
  }),
});

export const DocumentConnection = builder.connectionObject(
  {
    type: DocumentType,
    name: 'DocumentConnection',
    description: 'A page of documents.',
    fields: (t) => ({
      totalCount: t.int({
        description: 'How many documents there are in all; counted when it is asked for.',
        resolve: (page, _args, { services, caller }) =>
          services.documents.count(caller, (page as unknown as DocumentPage).filter),
      }),
    }),
  },
  { name: 'DocumentEdge', description: 'A document in a page.' },
);

export type DocumentPage = Page<Document> & { filter: Filter | null };

const AGE_CURSOR = z.tuple([z.iso.datetime(), z.string().max(100)]);

/** Fields that a `BriefDocument` has all of; any other one reads whole documents. */
const BRIEF_FIELDS: ReadonlySet<string> = new Set([
  '__typename',
  ...['id', 'externalId', 'kind', 'collection', 'title', 'language', 'createdAt', 'updatedAt'],
]);

/** A page of documents, newest first, read with no more than is asked of them. */
export async function documentPage(
  args: { first?: number | null; after?: string | null },
  filter: Filter | null,
  { services, caller, loaders }: GraphContext,
  info: GraphQLResolveInfo,
): Promise<DocumentPage> {
  const size = pageSize(args.first);
  const after = decodeCursor(args.after, AGE_CURSOR);
  const fields = fieldsOfItems(info);
  const { documents, collections } = await services.documents.list(
    caller,
    filter,
    { limit: size + 1, after: after === null ? null : { createdAt: new Date(after[0]), id: after[1] } },
    { isBrief: [...fields].every((field) => BRIEF_FIELDS.has(field)), withCollections: fields.has('collection') },
  );
  for (const collection of collections) loaders.collection.prime(collection.id, collection);
  // Where they are brief, nothing asks for the rest.
  const rows = documents as Document[];
  return { ...toPage(rows, size, after !== null, (row) => [row.createdAt.toISOString(), row.id]), filter };
}

builder.queryField('documents', (t) =>
  t.field({
    type: DocumentConnection,
    description: 'Documents, newest first.',
    complexity: pageComplexity,
    args: { ...PAGE_ARGS, filter: t.arg({ type: DocumentFilter, description: 'Only these.' }) },
    resolve: (_root, args, context, info) => documentPage(args, args.filter ?? null, context, info),
  }),
);
