import type { BudgetWindow } from '../../domain/usage/budget.ts';
import { builder } from '../builder.ts';
import { describedValues } from '../described-values.ts';

export const BudgetWindowEnum = builder.enumType('BudgetWindow', {
  description: 'How long a budget lasts, in UTC.',
  values: describedValues<BudgetWindow>({
    DAY: 'From midnight to midnight.',
    MONTH: 'From the first day of a month to its last.',
  }),
});

export const BudgetInput = builder.inputType('BudgetInput', {
  description: 'What may be spent.',
  fields: (t) => ({
    window: t.field({ type: BudgetWindowEnum, required: true, description: 'How long it lasts.' }),
    limitUsd: t.field({ type: 'Decimal', required: true, description: '0 to 1,000,000,000.' }),
  }),
});
