import { ForbiddenError } from '../../domain/access/actions.ts';
import type { Signal, SignalStatus, SignalStrength, SignalType as TypeOfSignal } from '../../domain/insights/signal.ts';
import { ConflictError, InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import { builder } from '../builder.ts';
import { describedValues } from '../described-values.ts';
import { DocumentType } from '../documents/document-type.ts';
import { PAGE_ARGS, pageComplexity } from '../page-args.ts';
import { pageById } from '../paging.ts';
import { foundDocuments } from './found-documents.ts';

const SignalTypeEnum = builder.enumType('SignalType', {
  description: 'What a company does that may make it worth talking to.',
  values: describedValues<TypeOfSignal>({
    FUNDING_ROUND: 'It has raised money.',
    EXECUTIVE_CHANGE: 'Somebody came to its head, or left.',
    JOB_POSTING: 'It looks for people.',
    TECHNOLOGY_ADOPTION: 'It takes up a technology, or gives one up.',
    EXPANSION: 'It opens a place, a market or a line of business.',
    WEBSITE_ACTIVITY: 'Its people look at the product’s pages.',
    COMPETITOR_MENTION: 'It speaks of a competitor.',
    COMPANIES_HOUSE_FILING: 'It has filed something with Companies House, or a register like it.',
  }),
});

const SignalStrengthEnum = builder.enumType('SignalStrength', {
  description: 'How much a signal says of a company’s readiness to buy.',
  values: describedValues<SignalStrength>({
    VERY_STRONG: 'Reason enough to call today.',
    STRONG: 'Reason enough to call.',
    MODERATE: 'Tells something together with others.',
    WEAK: 'A hint.',
  }),
});

const SignalStatusEnum = builder.enumType('SignalStatus', {
  description: 'What became of a signal.',
  values: describedValues<SignalStatus>({
    ACTIVE: 'It holds.',
    ACTED_UPON: 'Somebody did something about it.',
    EXPIRED: 'Its time, `expiresAt`, is over.',
    FALSE_POSITIVE: 'Somebody found that it is none.',
  }),
});

export const SignalNode = builder.objectRef<Signal>('Signal');

builder.node(SignalNode, {
  name: 'Signal',
  description:
    'Something that a company was seen to do. Found again, in whichever document, it gains the evidence. It stays when its agent is deleted, until nobody has found or judged it for 400 days, and goes with its company.',
  id: { resolve: (signal) => signal.id },
  loadOne: (id, { loaders }) => loaders.signal.load(id),
  fields: (t) => ({
    company: t.field({
      type: DocumentType,
      description: 'Whose it is: a document of the kind COMPANY.',
      resolve: async ({ id, companyId }, _args, { loaders }) => {
        const company = await loaders.document.load(companyId);
        if (company === null) throw new NotFoundError('company of the signal', id);
        return company;
      },
    }),
    type: t.field({ type: SignalTypeEnum, description: 'What it did.', resolve: (signal) => signal.type }),
    strength: t.field({
      type: SignalStrengthEnum,
      description: 'How much that says.',
      resolve: (signal) => signal.strength,
    }),
    confidence: t.exposeFloat('confidence', { description: 'How sure the agent is, 0 to 100.' }),
    data: t.field({
      type: 'JSON',
      description: 'What is known of it, by its type, such as an amount or a role, and the sentence that says so.',
      resolve: (signal) => signal.data,
    }),
    evidence: t.field({
      type: [DocumentType],
      description: 'The documents that it was found in, 50 at the most; those that were deleted since are left out.',
      resolve: async ({ id }, _args, context) =>
        foundDocuments(context, await context.loaders.signalEvidenceIds.load(id)),
    }),
    detectedBy: t.exposeString('detectedBy', {
      description: 'Name of the agent that found it first, as it was then.',
    }),
    status: t.field({ type: SignalStatusEnum, description: 'What became of it.', resolve: (signal) => signal.status }),
    detectedAt: t.expose('detectedAt', {
      type: 'DateTime',
      description: 'When it happened or was told, as far as the evidence says.',
    }),
    expiresAt: t.expose('expiresAt', {
      type: 'DateTime',
      nullable: true,
      description: 'From then on it is EXPIRED, unless somebody has judged it; null: never.',
    }),
  }),
});

const SignalConnection = builder.connectionObject(
  { type: SignalNode, name: 'SignalConnection', description: 'A page of signals.' },
  { name: 'SignalEdge', description: 'A signal in a page.' },
);

builder.queryField('signals', (t) =>
  t.field({
    type: SignalConnection,
    description: 'What companies were seen to do, newest first. Needs DOCUMENTS_READ.',
    complexity: pageComplexity,
    args: {
      ...PAGE_ARGS,
      companyId: t.arg.id({ description: 'Of this company alone: the id of its document.' }),
      types: t.arg({ type: [SignalTypeEnum], description: 'Of these types alone.' }),
      status: t.arg({ type: [SignalStatusEnum], description: 'In these states alone.' }),
    },
    resolve: (_root, args, { services, caller }) => {
      const filter = { companyId: args.companyId ?? null, types: args.types ?? null, status: args.status ?? null };
      return pageById(args, (page) => services.signals.list(caller, filter, page));
    },
  }),
);

builder.subscriptionField('signalDetected', (t) =>
  t.field({
    type: SignalNode,
    description:
      'Signals of the workspace that are new, or had expired and are found again, from now on, whichever agent finds them. Needs DOCUMENTS_READ.',
    args: { types: t.arg({ type: [SignalTypeEnum], description: 'Of these types alone.' }) },
    subscribe: (_root, { types }, { services, caller, signal }) =>
      services.signals.detected(caller, types ?? null, signal),
    resolve: (signal) => signal,
  }),
);

const UpdateSignalInput = builder.inputType('UpdateSignalInput', {
  description: 'What became of a signal.',
  fields: (t) => ({
    id: t.id({ required: true, description: 'Id of the signal.' }),
    status: t.field({
      type: SignalStatusEnum,
      required: true,
      description:
        'ACTED_UPON or FALSE_POSITIVE, from whichever state; ACTIVE takes a judgement back, unless the signal’s time is over. EXPIRED comes by itself.',
    }),
  }),
});

builder.mutationField('updateSignal', (t) =>
  t.field({
    type: SignalNode,
    description:
      'Says what became of a signal; the last word counts, also where an agent finds it again. Needs DOCUMENTS_WRITE.',
    errors: { types: [InvalidInputError, NotFoundError, ForbiddenError, ConflictError] },
    args: { input: t.arg({ type: UpdateSignalInput, required: true, description: 'Which, and what.' }) },
    resolve: (_root, { input }, { services, caller }) => services.signals.judge(caller, input.id, input.status),
  }),
);
