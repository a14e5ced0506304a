import { ForbiddenError } from '../../domain/access/actions.ts';
import { ConflictError, InvalidInputError } from '../../shared/errors.ts';
import { builder } from '../builder.ts';
import { PAGE_ARGS, pageComplexity } from '../page-args.ts';
import { pageById } from '../paging.ts';
import { CollectionType } from './collection-type.ts';
import { DocumentFilter, DocumentKindEnum } from './document-inputs.ts';
import { DocumentConnection, documentPage } from './documents.ts';

builder.node(CollectionType, {
  name: 'Collection',
  description: 'A board, a repository, a company list, an inbox: what a search or an agent can be limited to.',
  id: { resolve: (collection) => collection.id },
  loadOne: (id, { loaders }) => loaders.collection.load(id),
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What people call it.' }),
    slug: t.exposeString('slug', { description: 'Unique in the workspace; lower-case letters, digits and dashes.' }),
    kind: t.field({
      type: DocumentKindEnum,
      description: 'What its documents are unless they say otherwise.',
      resolve: (collection) => collection.kind,
    }),
    documents: t.field({
      type: DocumentConnection,
      description: 'Its documents, newest first.',
      complexity: pageComplexity,
      args: { ...PAGE_ARGS, filter: t.arg({ type: DocumentFilter, description: 'Only these of them.' }) },
      resolve: (collection, args, context, info) =>
        documentPage(args, { ...args.filter, collectionIds: [collection.id] }, context, info),
    }),
    embeddingCoverage: t.float({
      description: 'Share of its documents that can be found by meaning, 0..1; 1 where it is empty.',
      resolve: (collection, _args, { loaders }) => loaders.embeddingCoverage.load(collection.id),
    }),
  }),
});

const CollectionConnection = builder.connectionObject(
  { type: CollectionType, name: 'CollectionConnection', description: 'A page of collections.' },
  { name: 'CollectionEdge', description: 'A collection in a page.' },
);

builder.queryField('collections', (t) =>
  t.field({
    type: CollectionConnection,
    description: 'The workspace’s collections, oldest first.',
    complexity: pageComplexity,
    args: PAGE_ARGS,
    resolve: (_root, args, { services, caller }) => pageById(args, (page) => services.collections.list(caller, page)),
  }),
);

const CreateCollectionInput = builder.inputType('CreateCollectionInput', {
  description: 'A new collection.',
  fields: (t) => ({
    name: t.string({ required: true, description: '1 to 200 characters.' }),
    slug: t.string({ description: 'Lower-case letters, digits and dashes; made from the name where it is left out.' }),
    kind: t.field({
      type: DocumentKindEnum,
      defaultValue: 'TEXT',
      description: 'What its documents are unless they say otherwise.',
    }),
  }),
});

builder.mutationField('createCollection', (t) =>
  t.field({
    type: CollectionType,
    description: 'Makes a collection. Needs DOCUMENTS_WRITE.',
    errors: { types: [InvalidInputError, ForbiddenError, ConflictError] },
    args: { input: t.arg({ type: CreateCollectionInput, required: true, description: 'The collection to make.' }) },
    resolve: (_root, { input }, { services, caller }) =>
      services.collections.create(caller, { name: input.name, slug: input.slug ?? null, kind: input.kind ?? 'TEXT' }),
  }),
);
