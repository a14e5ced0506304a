import { InvalidInputError } from '../../../shared/errors.ts';

/** Who suggests actions: a model, by a small question of its own to each answer; rules, which cost nothing; nobody. */
export const ACTIONS_POLICIES = ['model', 'rules', 'off'] as const;
export type ActionsPolicy = (typeof ACTIONS_POLICIES)[number];

/** The workspace's; a model where it has not said. */
export function suggestedActionsPolicy({ suggestedActions }: Readonly<Record<string, unknown>>): ActionsPolicy {
  return ACTIONS_POLICIES.find((policy) => policy === suggestedActions) ?? 'model';
}

/** @throws InvalidInputError where it is none */
export function checkSuggestedActions({ suggestedActions }: Readonly<Record<string, unknown>>): void {
  if (suggestedActions === undefined || ACTIONS_POLICIES.some((policy) => policy === suggestedActions)) return;
  throw InvalidInputError.at('policies.suggestedActions', 'must be "model", "rules" or "off"');
}
