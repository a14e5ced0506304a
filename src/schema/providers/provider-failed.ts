import { ProviderFailedError } from '../../domain/gateway/errors.ts';
import { builder } from '../builder.ts';
import { AttemptType } from '../conversations/usage-amount.ts';
import { ErrorInterface } from '../errors.ts';

builder.objectType(ProviderFailedError, {
  name: 'ProviderFailedError',
  description: 'Every provider that was tried has failed.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    attempts: t.field({
      type: [AttemptType],
      description: 'Which were tried, and why each failed.',
      resolve: ({ attempts }) => [...attempts],
    }),
  }),
});
