import { ForbiddenError } from '../../domain/access/actions.ts';
import { BudgetExceededError, LimitReachedError } from '../../domain/usage/errors.ts';
import { RateLimitedError } from '../../domain/usage/rate-limit.ts';
import { ConflictError, InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import { builder } from '../builder.ts';
import { DocumentFilter } from '../documents/document-inputs.ts';
import { ConversationType } from './conversations.ts';
import { GenerationType } from './generation-type.ts';

const CreateConversationInput = builder.inputType('CreateConversationInput', {
  description: 'A conversation to begin.',
  fields: (t) => ({
    title: t.string({ description: 'What to call it; up to 500 characters.' }),
    persona: t.string({
      description: 'What the model is told of who it is and how it speaks; up to 10,000 characters.',
    }),
    metadata: t.field({ type: 'JSON', description: 'Whatever is to be kept with it; up to 64 kB.' }),
  }),
});

const SendMessageInput = builder.inputType('SendMessageInput', {
  description: 'Something to say, and how it is to be answered.',
  fields: (t) => ({
    conversationId: t.id({ required: true, description: 'Where it is said.' }),
    text: t.string({ required: true, description: '1 to 100,000 characters.' }),
    model: t.id({
      description:
        'Id of the model that answers, `<integration>/<model>`; the workspace’s choice for `chat` where it is left out.',
    }),
    retrieval: t.boolean({
      defaultValue: true,
      description: 'Whether the answer may be made from passages of the workspace’s documents.',
    }),
    filter: t.field({ type: DocumentFilter, description: 'From these documents alone.' }),
    temperature: t.float({ description: '0 to 2; the model’s own where it is left out.' }),
    maxTokens: t.int({ description: 'Tokens that the answer may have, 1 to 1,000,000.' }),
    attachments: t.field({
      type: ['File'],
      description: 'Up to 4 pictures (PNG, JPEG, GIF, WebP) of 5 MB each, for a model that sees them.',
    }),
    idempotencyKey: t.string({
      description:
        'Sending the same again with the same key is the same generation, for 24 hours; 1 to 200 characters.',
    }),
  }),
});

const StopGenerationInput = builder.inputType('StopGenerationInput', {
  description: 'Which answer to stop.',
  fields: (t) => ({ id: t.id({ required: true, description: 'Id of the generation.' }) }),
});

builder.mutationFields((t) => ({
  createConversation: t.field({
    type: ConversationType,
    description: 'Begins a conversation. Needs AI_USE.',
    errors: { types: [InvalidInputError, ForbiddenError] },
    args: { input: t.arg({ type: CreateConversationInput, required: true, description: 'The conversation.' }) },
    resolve: (_root, { input }, { services, caller }) =>
      services.conversations.create(caller, {
        title: input.title ?? null,
        persona: input.persona ?? null,
        metadata: input.metadata ?? null,
      }),
  }),
  sendMessage: t.field({
    type: GenerationType,
    description:
      'Says something, and has it answered: returns at once with the generation, to be watched by the subscription `generation`. A conversation has one answer at a time; sending amid it is a conflict. What stands against it is told at once as far as it is known, such as a budget that is used up; what goes wrong with the answer itself is its last event. Needs AI_USE.',
    errors: {
      types: [
        ...[InvalidInputError, NotFoundError, ForbiddenError, ConflictError],
        ...[LimitReachedError, BudgetExceededError, RateLimitedError],
      ],
    },
    args: { input: t.arg({ type: SendMessageInput, required: true, description: 'The message.' }) },
    resolve: (_root, { input }, { services, caller, requestId, signal }) =>
      services.messages.send(
        caller,
        {
          conversationId: input.conversationId,
          text: input.text,
          model: input.model ?? null,
          retrieval: input.retrieval ?? true,
          filter: input.filter ?? null,
          temperature: input.temperature ?? null,
          maxTokens: input.maxTokens ?? null,
          attachments: input.attachments ?? [],
          idempotencyKey: input.idempotencyKey ?? null,
        },
        { requestId, signal },
      ),
  }),
  stopGeneration: t.field({
    type: GenerationType,
    description:
      'Stops an answer, on whichever server it is made. What there is of it is kept, and what was used is billed. Stopping it again, or one that is over, changes nothing. Needs AI_USE.',
    errors: { types: [NotFoundError, ForbiddenError] },
    args: { input: t.arg({ type: StopGenerationInput, required: true, description: 'Which answer.' }) },
    resolve: (_root, { input }, { services, caller }) => services.generations.stop(caller, input.id),
  }),
}));
