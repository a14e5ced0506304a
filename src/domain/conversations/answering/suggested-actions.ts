import type { JsonObject } from '../../../shared/json.ts';
import type { Classification, Sentiment } from '../../classification/classification.ts';
import type { AnswerCitation } from '../answer.ts';
import type { SuggestedAction } from '../message.ts';

/** What an action can be; whoever shows it decides what happens then. */
export const ACTION_KINDS = {
  ask: 'ask the assistant `text` next',
  open_document: 'open a document that the answer cites; `text` is the number of its citation, such as "1"',
  create_ticket: 'write down a problem or a wish for the team; `text` is a title for it',
  contact_person: 'hand over to a person; `text` says why',
  change_account: 'do something about the user’s own account, plan or payment; `text` says what',
} as const;
export type ActionKind = keyof typeof ACTION_KINDS;

export const ACTIONS_MAX = 4;
const LABEL_CHARACTERS = 80;
const TEXT_CHARACTERS = 300;
/** Documents that are offered without a model's word for it. */
const OPENED_DOCUMENTS = 2;
/** A label that is less sure is a guess. */
const LEAST_CONFIDENCE = 0.2;
const UPSET_BELOW = -0.4;

type Offered = readonly [kind: ActionKind, label: string];

const BY_INTENT: Readonly<Record<string, Offered>> = {
  report_problem: ['create_ticket', 'Report the problem'],
  request_feature: ['create_ticket', 'Write down the wish'],
  ask_pricing: ['contact_person', 'Ask for an offer'],
  billing_issue: ['change_account', 'Check the invoice'],
  cancel_or_refund: ['change_account', 'Cancel or ask for a refund'],
  account_access: ['change_account', 'Recover access'],
  complain: ['contact_person', 'Talk to a person'],
  contact_human: ['contact_person', 'Talk to a person'],
};

/** What actions are suggested for. */
export interface AnsweredExchange {
  questionId: string;
  question: string;
  answer: string;
  citations: readonly AnswerCitation[];
  intent: Classification | null;
  sentiment: Sentiment | null;
}

/** What a model has suggested, as it came. */
export interface SaidAction {
  kind: ActionKind;
  label: string;
  text: string;
}

/** Actions by rules: what the intent calls for, a person where somebody is upset, the documents that were cited. */
export function actionsByRules(exchange: AnsweredExchange): SuggestedAction[] {
  const { intent, sentiment, citations } = exchange;
  const [label] = intent?.labels ?? [];
  const isSure = label !== undefined && label.confidence >= LEAST_CONFIDENCE;
  const offered = isSure ? BY_INTENT[label.label] : undefined;
  const said: SaidAction[] = [];
  if (offered !== undefined) said.push({ kind: offered[0], label: offered[1], text: titleOf(exchange.question) });
  if (sentiment !== null && sentiment.score < UPSET_BELOW && offered?.[0] !== 'contact_person') {
    said.push({ kind: 'contact_person', label: 'Talk to a person', text: titleOf(exchange.question) });
  }
  const documents = new Set<string>();
  for (const [i, { documentId }] of citations.entries()) {
    if (documents.has(documentId) || documents.size === OPENED_DOCUMENTS) continue;
    documents.add(documentId);
    said.push({ kind: 'open_document', label: `Open source ${i + 1}`, text: String(i + 1) });
  }
  return checkedActions(said, exchange);
}

/** Actions that can be done: those that name no citation of the answer, or say nothing, are left out. */
export function checkedActions(said: readonly SaidAction[], exchange: AnsweredExchange): SuggestedAction[] {
  const actions = said.flatMap(({ kind, label, text }): SuggestedAction[] => {
    const shown = label.replace(/\s+/g, ' ').trim().slice(0, LABEL_CHARACTERS).toWellFormed();
    const given = text.trim().slice(0, TEXT_CHARACTERS).toWellFormed();
    if (shown === '' || given === '') return [];
    if (kind !== 'open_document') return [{ label: shown, kind, payload: payloadOf(kind, given, exchange) }];
    const citation = exchange.citations[Number(given.replace(/[[\]]/g, '')) - 1];
    return citation === undefined ? [] : [{ label: shown, kind, payload: { documentId: citation.documentId } }];
  });
  return actions.slice(0, ACTIONS_MAX);
}

function payloadOf(kind: ActionKind, text: string, { questionId, intent }: AnsweredExchange): JsonObject {
  if (kind === 'ask') return { text };
  if (kind !== 'create_ticket') return { reason: text, messageId: questionId };
  return { title: text, intent: intent?.labels[0]?.label ?? null, messageId: questionId };
}

/** The first line of a message. */
function titleOf(question: string): string {
  return question.trim().split('\n', 1)[0]?.slice(0, 120).toWellFormed().trim() ?? '';
}
