import type { Message, MessageRole, SuggestedAction } from '../../domain/conversations/message.ts';
import { CitationType, livingCitations } from '../answers/citation.ts';
import { builder } from '../builder.ts';
import { ClassificationType, SentimentType } from '../classification/classification-type.ts';
import { describedValues } from '../described-values.ts';

const MessageRoleEnum = builder.enumType('MessageRole', {
  description: 'Who said something.',
  values: describedValues<MessageRole>({
    USER: 'Whoever asks.',
    ASSISTANT: 'The model that answers.',
    SYSTEM: 'Whoever set up the conversation.',
    TOOL: 'A tool that the model had called.',
  }),
});

const SuggestedActionType = builder.objectRef<SuggestedAction>('SuggestedAction').implement({
  description: 'Something that could be done next.',
  fields: (t) => ({
    label: t.exposeString('label', { description: 'What to show.' }),
    kind: t.exposeString('kind', { description: 'For programs.' }),
    payload: t.field({ type: 'JSON', description: 'What the action needs.', resolve: ({ payload }) => payload }),
  }),
});

export const MessageType = builder.objectRef<Message>('Message');

builder.node(MessageType, {
  name: 'Message',
  description: 'Something that was said in a conversation.',
  id: { resolve: (message) => message.id },
  loadOne: async (id, { services, caller }) => (await services.messages.find(caller, [id]))[0] ?? null,
  fields: (t) => ({
    role: t.field({ type: MessageRoleEnum, description: 'Who said it.', resolve: ({ role }) => role }),
    text: t.exposeString('text', {
      description:
        'What was said. Of an answer: empty until its generation is over, then all of it, or as much as there was when it was stopped or failed.',
    }),
    citations: t.field({
      type: [CitationType],
      description: 'Where an answer has something from, in the order of its markers.',
      resolve: ({ citations }, _args, { loaders }) => livingCitations(citations, loaders),
    }),
    sentiment: t.field({
      type: SentimentType,
      nullable: true,
      description: 'How it feels; null until that is known.',
      resolve: ({ sentiment }) => sentiment,
    }),
    intent: t.field({
      type: ClassificationType,
      nullable: true,
      description: 'What the question is after; null until that is known.',
      resolve: ({ intent }) => intent,
    }),
    suggestedActions: t.field({
      type: [SuggestedActionType],
      description: 'What could be done next; none until that is known.',
      resolve: ({ suggestedActions }) => suggestedActions,
    }),
    language: t.exposeString('language', {
      nullable: true,
      description: 'ISO 639-1, such as "de"; null where it is not known.',
    }),
    createdAt: t.expose('createdAt', {
      type: 'DateTime',
      description: 'When it was said; of an answer, when it was asked for.',
    }),
  }),
});
