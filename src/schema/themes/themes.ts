import { z } from 'zod';
import type { Theme } from '../../domain/themes/theme.ts';
import { BEFORE_DAYS, MIN_DOCUMENTS_OF_TREND, RECENT_DAYS } from '../../domain/themes/trend.ts';
import { builder } from '../builder.ts';
import { DocumentType } from '../documents/document-type.ts';
import { DocumentConnection, documentPage } from '../documents/documents.ts';
import { PAGE_ARGS, pageComplexity } from '../page-args.ts';
import { decodeCursor, pageSize, toPage } from '../paging.ts';

/** One of its collection's, and one of the workspace's. */
const THEMES_OF_A_DOCUMENT = 2;

const ThemeType = builder.objectRef<Theme>('Theme');

builder.node(ThemeType, {
  name: 'Theme',
  description:
    'What several documents are about, found by their vectors: in one collection, or in the whole workspace. It keeps its id and its name from run to run for as long as it is found again.',
  id: { resolve: (theme) => theme.id },
  loadOne: (id, { loaders }) => loaders.theme.load(id),
  fields: (t) => ({
    name: t.exposeString('name', {
      description:
        'Written by the model that the workspace has chosen for `summarise`, or else for `classify`; made of its keywords where neither writes.',
    }),
    documentCount: t.int({
      description: 'How many documents it has now.',
      resolve: ({ id }, _args, { loaders }) => loaders.themeDocumentCount.load(id),
    }),
    keywords: t.field({
      type: ['String'],
      description: 'Words and phrases that its documents hold and others do not, the most telling first; up to 10.',
      resolve: ({ keywords }) => [...keywords],
    }),
    documents: t.field({
      type: DocumentConnection,
      description: 'Its documents, newest first.',
      complexity: pageComplexity,
      args: PAGE_ARGS,
      resolve: ({ id }, args, context, info) => documentPage(args, { themeIds: [id] }, context, info),
    }),
    trend: t.float({
      nullable: true,
      description:
        `Its share of the documents created in the last ${RECENT_DAYS} days, less its share of those of the ${BEFORE_DAYS} days before: 0.1 where it was 5 % and is 15 %. ` +
        `The documents' own \`createdAt\` counts, of all that were sorted in its collection or workspace. Null where either has fewer than ${MIN_DOCUMENTS_OF_TREND} of them.`,
      resolve: (theme, _args, { loaders }) => loaders.themeTrend.load(theme),
    }),
  }),
});

const ThemeConnection = builder.connectionObject(
  { type: ThemeType, name: 'ThemeConnection', description: 'A page of themes.' },
  { name: 'ThemeEdge', description: 'A theme in a page.' },
);

const SIZE_CURSOR = z.tuple([z.int(), z.string().max(100)]);

builder.queryField('themes', (t) =>
  t.field({
    type: ThemeConnection,
    description:
      'What documents are about, the largest theme first; none before the task THEMES has run. With a collection its own themes, which are found in it alone; without one those of the whole workspace.',
    complexity: pageComplexity,
    args: { collectionId: t.arg.id({ description: 'A collection; left out, the workspace.' }), ...PAGE_ARGS },
    resolve: async (_root, args, { services, caller, loaders }) => {
      const size = pageSize(args.first);
      const after = decodeCursor(args.after, SIZE_CURSOR);
      const rows = await services.themes.list(caller, args.collectionId ?? null, {
        limit: size + 1,
        after: after === null ? null : { documentCount: after[0], id: after[1] },
      });
      for (const { id, documentCount } of rows) loaders.themeDocumentCount.prime(id, documentCount);
      return toPage(rows, size, after !== null, ({ documentCount, id }) => [documentCount, id]);
    },
  }),
);

builder.objectField(DocumentType, 'themes', (t) =>
  t.field({
    type: [ThemeType],
    nullable: true,
    complexity: { field: 1, multiplier: THEMES_OF_A_DOCUMENT },
    description:
      'The theme it belongs to among those of its collection, and the one among those of the workspace; empty where it belongs to none. Stored, not found when it is read: null while it was not sorted, which the task THEMES does, and, where there are themes, EMBED.',
    resolve: ({ id }, _args, { loaders }) => loaders.themesOfDocument.load(id),
  }),
);
