import { ForbiddenError, type Permission } from '../domain/access/actions.ts';
import { LimitReachedError } from '../domain/usage/errors.ts';
import { RateLimitedError } from '../domain/usage/rate-limit.ts';
import {
  ConflictError,
  type DomainError,
  type ErrorCode,
  type InputIssue,
  InvalidInputError,
  NotFoundError,
} from '../shared/errors.ts';
import { builder } from './builder.ts';
import { describedValues } from './described-values.ts';

const ERROR_DESCRIPTIONS: Readonly<Record<ErrorCode, string>> = {
  UNAUTHENTICATED: 'No credentials came with the request, or they are not good.',
  FORBIDDEN: 'The caller may not do this; `requiredPermission` says what it would need.',
  NOT_FOUND: 'There is no such thing, or none that the caller can see.',
  BAD_INPUT: 'The request cannot be used as it is; the message and `issues` say where.',
  CONFLICT: 'Something else is in the way, such as a slug that is taken.',
  LIMIT_REACHED: 'The allowance of the workspace’s tier is used up.',
  BUDGET_EXCEEDED: 'The budget does not cover what the call could cost.',
  RATE_LIMITED: 'Too many requests at once; try again later.',
  SAFETY_BLOCKED: 'The safety policy holds this text back.',
  PROVIDER_FAILED: 'Every provider that was tried has failed.',
  NO_PROVIDER: 'No provider of this workspace can do this.',
  QUERY_TOO_COSTLY: 'The document is too deep, too broad or too costly; ask for less at once.',
  UNAVAILABLE: 'Something that the server needs does not answer; try again.',
  INTERNAL: 'An unexpected failure; it was logged under the request id.',
};

export const ErrorCodeEnum = builder.enumType('ErrorCode', {
  description: 'What kind of failure it was; also in `extensions.code` of a GraphQL error.',
  values: describedValues(ERROR_DESCRIPTIONS),
});

const PERMISSION_DESCRIPTIONS: Readonly<Record<Permission, string>> = {
  WORKSPACE_MANAGE: 'Rename or delete the workspace.',
  KEYS_MANAGE: 'Make, list and revoke API keys.',
  DOCUMENTS_READ: 'Read and search documents, with their computed fields.',
  DOCUMENTS_WRITE: 'Write and delete collections and documents, and correct labels.',
  AI_USE: 'Have models work on texts of one’s own, and agents run.',
  AGENTS_MANAGE: 'Set agents up, change and delete them.',
  JOBS_MANAGE: 'Cancel and retry jobs.',
  INTEGRATIONS_MANAGE: 'Configure providers and their credentials.',
  SETTINGS_MANAGE: 'Change preferences, policies, taxonomies and the choice of models.',
  ANALYTICS_VIEW: 'See usage, cost and limits.',
  BUDGETS_MANAGE: 'Set budgets and alerts.',
  SAFETY_OVERRIDE: 'Let through what the safety policy holds back, with a reason.',
  AUDIT_VIEW: 'Read the audit log.',
};

export const PermissionEnum = builder.enumType('Permission', {
  description: 'What a role may allow.',
  values: describedValues(PERMISSION_DESCRIPTIONS),
});

export const ErrorInterface = builder.interfaceRef<DomainError>('Error').implement({
  description: 'A failure that the product expects.',
  fields: (t) => ({
    message: t.exposeString('message', { description: 'What went wrong and what to do, in English.' }),
    code: t.field({ type: ErrorCodeEnum, description: 'For programs.', resolve: (error) => error.code }),
  }),
});

const InputIssueType = builder.objectRef<InputIssue>('InputIssue').implement({
  description: 'One thing that is wrong with an input.',
  fields: (t) => ({
    path: t.exposeStringList('path', { description: 'Where, e.g. ["documents", "3", "text"].' }),
    message: t.exposeString('message', { description: 'What is wrong there.' }),
    reason: t.string({
      nullable: true,
      description: 'For programs: why a provider plugin was refused, such as "ID_TAKEN"; null for other inputs.',
      resolve: (issue) => issue.reason ?? null,
    }),
  }),
});

builder.objectType(InvalidInputError, {
  name: 'InvalidInputError',
  description: 'The input cannot be used; nothing was done.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    issues: t.field({
      type: [InputIssueType],
      description: 'Everything that was found, at most 100.',
      resolve: (error) => error.issues,
    }),
  }),
});

builder.objectType(NotFoundError, {
  name: 'NotFoundError',
  description: 'There is no such thing, or none that the caller can see.',
  interfaces: [ErrorInterface],
});

builder.objectType(ForbiddenError, {
  name: 'ForbiddenError',
  description: 'The caller may not do this.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    requiredPermission: t.field({
      type: PermissionEnum,
      description: 'What the caller would need.',
      resolve: (error) => error.requiredPermission,
    }),
  }),
});

builder.objectType(ConflictError, {
  name: 'ConflictError',
  description: 'Something else is in the way.',
  interfaces: [ErrorInterface],
});

builder.objectType(RateLimitedError, {
  name: 'RateLimitedError',
  description: 'The workspace or the key has made as many model calls in the last minute as it may; nothing was done.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    retryAfterMs: t.exposeInt('retryAfterMs', {
      description: 'When the next call may pass, in milliseconds; a call that comes first may take its place.',
    }),
  }),
});

export const MeterEnum = builder.enumType('Meter', {
  description: 'What is counted.',
  values: {
    EMBEDDINGS: { description: 'Texts turned into vectors by a provider; what the cache gives is free.' },
    LLM_CALLS: { description: 'Calls of a language model.' },
    VECTOR_QUERIES: { description: 'Searches among vectors.' },
    TOKENS: { description: 'Tokens that models read and wrote, told by the vendor or counted. No tier limits them.' },
    IMAGES: {
      description:
        'Pictures that a model was shown, each time that it was called with them; what the cache gives is free. No tier limits them.',
    },
    AUDIO_SECONDS: {
      description:
        'Seconds of sound that were transcribed or spoken, where the provider tells them or the sound itself does. No tier limits them.',
    },
  },
});

builder.objectType(LimitReachedError, {
  name: 'LimitReachedError',
  description: 'The tier’s allowance does not cover this; nothing was done.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    meter: t.field({ type: MeterEnum, description: 'Which allowance.', resolve: (error) => error.meter }),
    limit: t.int({ description: 'How much the tier has in 30 days.', resolve: (error) => error.limit }),
    used: t.int({ description: 'How much of it is used.', resolve: (error) => error.used }),
    resetsAt: t.field({
      type: 'DateTime',
      description: 'When some of it comes back.',
      resolve: (error) => error.resetsAt,
    }),
  }),
});
