import type { GenerationEvent } from '../../domain/conversations/generation.ts';
import { builder } from '../builder.ts';
import { ErrorCodeEnum } from '../errors.ts';
import { MessageType } from './message-type.ts';
import { UsageAmountType } from './usage-amount.ts';

/** An event of one kind. */
type Told<Kind extends GenerationEvent['kind']> = GenerationEvent & { kind: Kind };

const TYPE_NAMES: Readonly<Record<GenerationEvent['kind'], string>> = {
  STARTED: 'GenerationStarted',
  TEXT: 'TextDelta',
  RESTARTED: 'GenerationRestarted',
  TOOL: 'ToolCalled',
  FAILED: 'GenerationFailed',
  COMPLETED: 'GenerationCompleted',
};

const GenerationEventInterface = builder.interfaceRef<GenerationEvent>('GenerationEvent').implement({
  description: 'Something that happened while an answer was made.',
  resolveType: ({ kind }) => TYPE_NAMES[kind],
  fields: (t) => ({
    seq: t.exposeInt('seq', {
      description:
        'Its number, from 1 and without a gap. To go on where a connection was lost, send the last one as `after`. An hour after the end the log is dropped: then what is behind `after` comes in fewer events, of which the last has its number still.',
    }),
    generationId: t.exposeID('generationId', { description: 'Of which generation.' }),
    at: t.expose('at', { type: 'DateTime', description: 'When it happened.' }),
  }),
});

const interfaces = [GenerationEventInterface];

builder.objectRef<Told<'STARTED'>>('GenerationStarted').implement({
  description: 'A model begins the answer.',
  interfaces,
  fields: (t) => ({ model: t.string({ description: 'Its id.', resolve: ({ data }) => data.model }) }),
});

builder.objectRef<Told<'TEXT'>>('TextDelta').implement({
  description: 'The next words of the answer: what came within some 45 milliseconds.',
  interfaces,
  fields: (t) => ({
    text: t.string({ description: 'To be put behind the text so far.', resolve: ({ data }) => data.text }),
  }),
});

builder.objectRef<Told<'RESTARTED'>>('GenerationRestarted').implement({
  description: 'The answer so far is void: the whole of it starts again. Text before this event is dropped.',
  interfaces,
  fields: (t) => ({
    reason: t.string({ description: 'Why.', resolve: ({ data }) => data.reason }),
    fromModel: t.string({ description: 'Id of the model whose text is void.', resolve: ({ data }) => data.fromModel }),
    toModel: t.string({ description: 'Id of the model that starts again.', resolve: ({ data }) => data.toModel }),
  }),
});

builder.objectRef<Told<'TOOL'>>('ToolCalled').implement({
  description: 'The model had a tool called.',
  interfaces,
  fields: (t) => ({
    tool: t.string({ description: 'Its name.', resolve: ({ data }) => data.tool }),
    arguments: t.field({ type: 'JSON', description: 'What it was given.', resolve: ({ data }) => data.arguments }),
  }),
});

builder.objectRef<Told<'FAILED'>>('GenerationFailed').implement({
  description: 'The answer failed: what there is of it is not whole. The last event.',
  interfaces,
  fields: (t) => ({
    code: t.field({ type: ErrorCodeEnum, description: 'For programs.', resolve: ({ data }) => data.code }),
    message: t.string({ description: 'Why, and what to do, in English.', resolve: ({ data }) => data.message }),
  }),
});

builder.objectRef<Told<'COMPLETED'>>('GenerationCompleted').implement({
  description: 'The answer is stored. The last event.',
  interfaces,
  fields: (t) => ({
    message: t.field({
      type: MessageType,
      description: 'The answer.',
      resolve: (event, _args, { services, caller }) => services.generations.messageOf(caller, event),
    }),
    usage: t.field({ type: UsageAmountType, description: 'What it took.', resolve: ({ data }) => data.usage }),
    stopped: t.boolean({
      description: 'Whether somebody stopped it, so that it may not be whole.',
      resolve: ({ data }) => data.stopped,
    }),
  }),
});

builder.subscriptionField('generation', (t) =>
  t.field({
    type: GenerationEventInterface,
    description:
      'The text of an answer as it is written: its events behind `after`, then those that come, each once and in order, and the end of the subscription after the one that ends the answer. Whoever goes on from the last `seq` they have, on any server, loses and repeats nothing. Leaving does not stop the answer; `stopGeneration` does. Needs DOCUMENTS_READ.',
    args: {
      id: t.arg.id({ required: true, description: 'The generation.' }),
      after: t.arg.int({
        defaultValue: 0,
        description:
          'The last event that is known already; 0 begins with the first. One beyond the last goes on from there; where the answer is over, it gives the end once more.',
      }),
    },
    subscribe: (_root, { id, after }, { services, caller, signal }) =>
      services.generations.follow(caller, id, after ?? 0, signal),
    resolve: (event) => event,
  }),
);
