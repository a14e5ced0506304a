import { ForbiddenError } from '../../domain/access/actions.ts';
import { type BudgetState, type BudgetWindow, percentUsed } from '../../domain/usage/budget.ts';
import { BudgetExceededError } from '../../domain/usage/errors.ts';
import { InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import { ApiKeyType } from '../access/access.ts';
import { BudgetWindowEnum } from '../access/budget-input.ts';
import { builder } from '../builder.ts';
import { ErrorInterface } from '../errors.ts';

export const BudgetType = builder.objectRef<BudgetState>('Budget').implement({
  description: 'How much may be spent in a window, and how much of it is taken. It is never overdrawn.',
  fields: (t) => ({
    window: t.field({ type: BudgetWindowEnum, description: 'How long it lasts.', resolve: (budget) => budget.window }),
    limitUsd: t.expose('limitUsd', { type: 'Decimal', description: 'What may be spent in the window.' }),
    usedUsd: t.expose('usedUsd', {
      type: 'Decimal',
      description: 'What attempts of the window under way have cost, as far as their price is known.',
    }),
    reservedUsd: t.expose('reservedUsd', {
      type: 'Decimal',
      description: 'What calls under way may cost at the most; free again when they end.',
    }),
    percent: t.float({
      description: 'How much of the limit is used; above 100 after it was set below what was used.',
      resolve: percentUsed,
    }),
    resetsAt: t.expose('resetsAt', { type: 'DateTime', description: 'When the window ends, and nothing is used.' }),
  }),
});

builder.objectType(BudgetExceededError, {
  name: 'BudgetExceededError',
  description: 'A budget does not cover what the call could cost; no provider was called.',
  interfaces: [ErrorInterface],
  fields: (t) => ({
    window: t.field({ type: BudgetWindowEnum, description: 'Of which budget.', resolve: (error) => error.window }),
    limitUsd: t.field({ type: 'Decimal', description: 'Its limit.', resolve: (error) => error.limitUsd }),
    usedUsd: t.field({ type: 'Decimal', description: 'How much of it is used.', resolve: (error) => error.usedUsd }),
    resetsAt: t.field({ type: 'DateTime', description: 'When its window ends.', resolve: (error) => error.resetsAt }),
  }),
});

builder.objectField(ApiKeyType, 'budget', (t) =>
  t.field({
    type: BudgetType,
    nullable: true,
    description:
      'What the key may spend beside the workspace’s own budgets; of a day’s and a month’s, the one that is fuller. Null: no more limit than the workspace’s. Needs ANALYTICS_VIEW.',
    resolve: (key, _args, { loaders }) => loaders.apiKeyBudget.load(key.id),
  }),
);

builder.queryField('budgets', (t) =>
  t.field({
    type: [BudgetType],
    description:
      'What the workspace may spend: up to one budget a day and one a month. Those of keys are in `ApiKey.budget`. Needs ANALYTICS_VIEW.',
    resolve: (_root, _args, { services, caller }) => services.budgets.list(caller),
  }),
);

const SetBudgetInput = builder.inputType('SetBudgetInput', {
  description: 'What may be spent, by whom and in which time.',
  fields: (t) => ({
    window: t.field({ type: BudgetWindowEnum, required: true, description: 'How long it lasts.' }),
    limitUsd: t.field({
      type: 'Decimal',
      description: '0 to 1,000,000,000; "0" allows nothing that costs. Null or left out takes the budget away.',
    }),
    apiKeyId: t.id({ description: 'The key whose budget it is; the whole workspace’s where it is left out.' }),
  }),
});

builder.mutationField('setBudget', (t) =>
  t.field({
    type: BudgetType,
    description:
      'Sets, changes or takes away a budget: here at once, on other servers within 2 seconds. What was spent in its window so far counts. While one is in force, a request that does not say how long its answer may be gets 4,096 tokens. Answers with the budget; one that was taken away as it was. Needs BUDGETS_MANAGE.',
    errors: { types: [InvalidInputError, NotFoundError, ForbiddenError] },
    args: { input: t.arg({ type: SetBudgetInput, required: true, description: 'The budget.' }) },
    resolve: (_root, { input }, { services, caller }) =>
      services.budgets.set(caller, {
        window: input.window as BudgetWindow,
        limitUsd: input.limitUsd ?? null,
        apiKeyId: input.apiKeyId ?? null,
      }),
  }),
);
