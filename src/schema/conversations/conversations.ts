import { z } from 'zod';
import type { Conversation } from '../../domain/conversations/conversation.ts';
import type { Message } from '../../domain/conversations/message.ts';
import { InvalidInputError } from '../../shared/errors.ts';
import { builder } from '../builder.ts';
import { PAGE_ARGS, pageComplexity } from '../page-args.ts';
import { decodeCursor, encodeCursor, type Page, pageById, pageSize, toPage } from '../paging.ts';
import { MessageType } from './message-type.ts';

/** Position of a message. */
const MESSAGE_CURSOR = z.number().int().nonnegative();

export const ConversationType = builder.objectRef<Conversation>('Conversation');

const MessageConnection = builder.connectionObject(
  { type: MessageType, name: 'MessageConnection', description: 'A page of messages.' },
  { name: 'MessageEdge', description: 'A message in a page.' },
);

builder.node(ConversationType, {
  name: 'Conversation',
  description: 'A thread of questions and answers.',
  id: { resolve: (conversation) => conversation.id },
  loadOne: async (id, { services, caller }) => (await services.conversations.find(caller, [id]))[0] ?? null,
  fields: (t) => ({
    title: t.exposeString('title', { nullable: true, description: 'What it is called; null where nobody said.' }),
    persona: t.exposeString('persona', {
      nullable: true,
      description: 'What the model is told of who it is and how it speaks; null where nobody said.',
    }),
    metadata: t.field({ type: 'JSON', description: 'As it was given.', resolve: ({ metadata }) => metadata }),
    messages: t.field({
      type: MessageConnection,
      description: 'What was said, in order: the first ones, or with `last` the last ones.',
      complexity: ({ first, last }) => pageComplexity({ first: last ?? first }),
      args: {
        first: t.arg.int({ description: 'How many from the beginning, 1 to 100; 20 where `last` is left out too.' }),
        after: t.arg.string({ description: 'Behind this: the `endCursor` of the page before.' }),
        last: t.arg.int({ description: 'How many from the end, 1 to 100.' }),
        before: t.arg.string({ description: 'Before this: the `startCursor` of the page behind.' }),
      },
      resolve: (conversation, args, { services, caller }) =>
        messagePage(args, (page) => services.messages.list(caller, conversation.id, page)),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was begun.' }),
    summary: t.exposeString('summary', {
      nullable: true,
      description:
        'What a model is told of the older messages where the conversation is too long for it; null until it is.',
    }),
  }),
});

interface MessageArgs {
  first?: number | null | undefined;
  after?: string | null | undefined;
  last?: number | null | undefined;
  before?: string | null | undefined;
}

async function messagePage(
  args: MessageArgs,
  load: (page: {
    limit: number;
    after: number | null;
    before: number | null;
    isFromEnd: boolean;
  }) => Promise<Message[]>,
): Promise<Page<Message>> {
  if (args.first != null && args.last != null) throw InvalidInputError.at('last', 'may not come with `first`');
  const after = decodeCursor(args.after, MESSAGE_CURSOR);
  const before = decodeCursor(args.before, MESSAGE_CURSOR);
  const isFromEnd = args.last != null;
  const size = pageSize(args.last ?? args.first);
  const rows = await load({ limit: size + 1, after, before, isFromEnd });
  const positionOf = (message: Message) => message.position;
  if (!isFromEnd) {
    const page = toPage(rows, size, after !== null, positionOf);
    return { ...page, pageInfo: { ...page.pageInfo, hasNextPage: page.pageInfo.hasNextPage || before !== null } };
  }
  const edges = rows.slice(-size).map((node) => ({ cursor: encodeCursor(positionOf(node)), node }));
  return {
    edges,
    pageInfo: {
      hasNextPage: before !== null,
      hasPreviousPage: rows.length > size || after !== null,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
}

const ConversationConnection = builder.connectionObject(
  { type: ConversationType, name: 'ConversationConnection', description: 'A page of conversations.' },
  { name: 'ConversationEdge', description: 'A conversation in a page.' },
);

builder.queryField('conversations', (t) =>
  t.field({
    type: ConversationConnection,
    description: 'Conversations of the workspace, newest first. Needs DOCUMENTS_READ.',
    complexity: pageComplexity,
    args: PAGE_ARGS,
    resolve: (_root, args, { services, caller }) => pageById(args, (page) => services.conversations.list(caller, page)),
  }),
);
