import type { Generation, GenerationStatus } from '../../domain/conversations/generation.ts';
import { builder } from '../builder.ts';
import { describedValues } from '../described-values.ts';
import { MessageType } from './message-type.ts';
import { AttemptType, UsageAmountType } from './usage-amount.ts';

const GenerationStatusEnum = builder.enumType('GenerationStatus', {
  description: 'How far the making of an answer is.',
  values: describedValues<GenerationStatus>({
    QUEUED: 'Waits for a server that has room.',
    STREAMING: 'Is being made.',
    COMPLETED: 'The answer is whole.',
    STOPPED: 'Somebody stopped it; what there was of the answer is kept.',
    FAILED: 'It failed: the last event says why. What there was of the answer is kept, and is not whole.',
  }),
});

export const GenerationType = builder.objectRef<Generation>('Generation');

builder.node(GenerationType, {
  name: 'Generation',
  description:
    'The making of an answer: a numbered log that any server can show from any number on. It goes on whoever watches, until it is over or stopped.',
  id: { resolve: (generation) => generation.id },
  loadOne: async (id, { services, caller }) => (await services.generations.find(caller, [id]))[0] ?? null,
  fields: (t) => ({
    status: t.field({ type: GenerationStatusEnum, description: 'How far it is.', resolve: ({ status }) => status }),
    text: t.string({
      description: 'The answer as far as it is written.',
      resolve: (generation, _args, { loaders }) => loaders.generationText.load(generation),
    }),
    message: t.field({
      type: MessageType,
      description: 'The message that the answer is.',
      resolve: async ({ messageId }, _args, { loaders }) => {
        const message = await loaders.message.load(messageId);
        if (message === null) throw new Error(`the message ${messageId} is not there`);
        return message;
      },
    }),
    model: t.exposeString('model', {
      nullable: true,
      description: 'Id of the model that writes it; null until one has begun.',
    }),
    attempts: t.field({
      type: [AttemptType],
      description: 'Every try at a provider; none until it is over.',
      resolve: ({ attempts }) => attempts,
    }),
    usage: t.field({
      type: UsageAmountType,
      description: 'What all of it took, its search among the documents included; nothing until it is over.',
      resolve: ({ usage }) => usage,
    }),
    lastSeq: t.exposeInt('lastSeq', { description: 'Number of its last event; 0 where there is none.' }),
    startedAt: t.expose('startedAt', {
      type: 'DateTime',
      description: 'When its making began; while it is QUEUED, when it was asked for.',
    }),
    finishedAt: t.expose('finishedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was over; null until then.',
    }),
  }),
});

builder.objectField(MessageType, 'generation', (t) =>
  t.field({
    type: GenerationType,
    nullable: true,
    description: 'The making of it; null for what no model has answered with.',
    resolve: ({ id, role }, _args, { loaders }) => (role === 'ASSISTANT' ? loaders.generationOf.load(id) : null),
  }),
);
