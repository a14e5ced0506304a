import type { UsageAmount } from '../../domain/conversations/answer.ts';
import type { Attempt } from '../../domain/gateway/generation.ts';
import type { AttemptOutcome } from '../../domain/usage/usage-event.ts';
import { builder } from '../builder.ts';
import { describedValues } from '../described-values.ts';

export const UsageAmountType = builder.objectRef<UsageAmount>('UsageAmount').implement({
  description: 'What something took of a model.',
  fields: (t) => ({
    inputTokens: t.exposeInt('inputTokens', {
      description: 'Tokens that it read: as the vendor told, else counted.',
    }),
    outputTokens: t.exposeInt('outputTokens', { description: 'Tokens that it wrote; told or counted as above.' }),
    cachedTokens: t.exposeInt('cachedTokens', {
      description: 'Of those that it read, the ones that the vendor’s own cache had.',
    }),
    costUsd: t.expose('costUsd', {
      type: 'Decimal',
      nullable: true,
      description: 'What it cost; null where a price is not known.',
    }),
  }),
});

const AttemptOutcomeEnum = builder.enumType('AttemptOutcome', {
  description: 'How a try at a provider ended.',
  values: describedValues<AttemptOutcome>({
    SUCCEEDED: 'With the whole answer.',
    CACHED: 'There was none: the cache had the answer.',
    RETRIED: 'Failed before its first word, and the same provider was asked again.',
    FAILED: 'Failed, and that provider was not asked again.',
    CANCELLED: 'Nobody wanted the answer any more.',
    RESTARTED: 'Failed amid the answer, which was started again.',
  }),
});

export const AttemptType = builder.objectRef<Attempt>('Attempt').implement({
  description: 'One try at one provider: also the failed, cancelled and cached ones.',
  fields: (t) => ({
    seq: t.exposeInt('seq', { description: 'Its number within the call, from 1.' }),
    provider: t.exposeString('provider', { description: 'Name of the integration.' }),
    model: t.exposeString('model', { description: 'Id of the model.' }),
    outcome: t.field({ type: AttemptOutcomeEnum, description: 'How it ended.', resolve: ({ outcome }) => outcome }),
    errorCode: t.exposeString('errorCode', {
      nullable: true,
      description: 'The kind of the provider’s failure; null where there was none.',
    }),
    firstTokenMs: t.exposeFloat('firstTokenMs', {
      nullable: true,
      description: 'Milliseconds until the first of the answer came; null where none did, or it is not known.',
    }),
    durationMs: t.exposeFloat('durationMs', { description: 'How long it took, in milliseconds.' }),
    usage: t.field({
      type: UsageAmountType,
      description: 'What it took.',
      resolve: ({ usage, costUsd }) => ({
        ...{ inputTokens: usage.inputTokens, outputTokens: usage.outputTokens },
        ...{ cachedTokens: usage.cachedInputTokens ?? 0, costUsd },
      }),
    }),
  }),
});
