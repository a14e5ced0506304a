import type { Database } from '../../../db/client.ts';
import type { WorkspaceScope } from '../../../db/workspace-scope.ts';
import { authorize } from '../../access/caller.ts';
import type { ClassificationService } from '../../classification/classification-service.ts';
import { NoProviderError } from '../../gateway/errors.ts';
import type { ModelCall } from '../../gateway/model-call.ts';
import type { ModelCatalog } from '../../gateway/model-catalog.ts';
import type { ModelGateway } from '../../gateway/model-gateway.ts';
import { EXTRACTIVE_MODEL } from '../../summaries/summary.ts';
import type { SummaryService } from '../../summaries/summary-service.ts';
import type { AnsweredMessage, AnswerPostProcessor } from '../answer.ts';
import { storeSummary } from '../conversation-store.ts';
import type { Message, SuggestedAction } from '../message.ts';
import { findMessages, storeFindings } from '../message-store.ts';
import { writeActions } from './action-writer.ts';
import { suggestedActionsPolicy } from './actions-policy.ts';
import { readContext } from './conversation-context.ts';
import { type AnsweredExchange, actionsByRules } from './suggested-actions.ts';
import { type WritingModel, writingModel } from './writing-model.ts';

const INTENT_TAXONOMY = 'intent';
/** Messages that are sent word for word in any case; what is before them is summarised, once there are enough of it. */
const RECENT_MESSAGES = 20;
const SUMMARISED_AT_ONCE = 10;
/** Of one message in what is summarised. */
const SAID_CHARACTERS = 1_500;

/**
 * What is found out about an exchange once its answer is stored and told, so that no text ever waits for it: intent and
 * sentiment of the user's message, by whatever classifies for the workspace; actions, by one small question to the model
 * that chats, or by rules where none writes; and, every ten messages, what the beginning of the conversation said.
 */
export class PostProcessing implements AnswerPostProcessor {
  readonly #database: Database;
  readonly #gateway: ModelGateway;
  readonly #catalog: ModelCatalog;
  readonly #classifications: ClassificationService;
  readonly #summaries: SummaryService;

  constructor(parts: {
    database: Database;
    gateway: ModelGateway;
    catalog: ModelCatalog;
    classifications: ClassificationService;
    summaries: SummaryService;
  }) {
    this.#database = parts.database;
    this.#gateway = parts.gateway;
    this.#catalog = parts.catalog;
    this.#classifications = parts.classifications;
    this.#summaries = parts.summaries;
  }

  /** What can be found out is stored, whatever became of the rest. @throws why something could not */
  async process(call: ModelCall, message: AnsweredMessage): Promise<void> {
    authorize(call.caller, 'AI_USE');
    const results = await Promise.allSettled([this.#judge(call, message), this.#summarise(call, message)]);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }

  async #judge(call: ModelCall, message: AnsweredMessage): Promise<void> {
    const rows = await this.#inWorkspace(call, (scope) => findMessages(scope, [message.questionId, message.id]));
    const question = rows.find(({ id }) => id === message.questionId);
    if (question === undefined || question.text.trim() === '') return;
    const answer = rows.find(({ id }) => id === message.id);
    const { citations = [] } = answer ?? {};
    const exchange = { questionId: question.id, question: question.text, answer: message.text, citations };
    const judged = await this.#judgementOf(call, question);
    await this.#inWorkspace(call, (scope) => storeFindings(scope, question.id, judged));
    if (answer?.suggestedActions.length !== 0) return;
    const suggestedActions = await this.#actions(call, { ...exchange, ...judged }, message.model);
    await this.#inWorkspace(call, (scope) => storeFindings(scope, message.id, { suggestedActions }));
  }

  /** What an earlier look has found out stays. */
  async #judgementOf(call: ModelCall, question: Message): Promise<Required<Pick<Message, 'intent' | 'sentiment'>>> {
    const text = question.text.trim();
    const asked = { title: null, text, taxonomy: INTENT_TAXONOMY };
    const [intent, sentiment] = await Promise.all([
      question.intent ?? this.#classifications.classifyText({ ...call, operation: 'intent' }, asked),
      question.sentiment ?? this.#classifications.sentimentOfText({ ...call, operation: 'sentiment' }, text),
    ]);
    return { intent, sentiment };
  }

  async #actions(call: ModelCall, exchange: AnsweredExchange, model: string | null): Promise<SuggestedAction[]> {
    const { settings } = await this.#catalog.directory.of(call.caller.workspace.id);
    const policy = suggestedActionsPolicy(settings.policies);
    if (policy === 'off') return [];
    const isByModel = policy === 'model' && model !== EXTRACTIVE_MODEL;
    const writer = isByModel ? await this.#writer(call.caller.workspace.id) : null;
    if (writer === null) return actionsByRules(exchange);
    return writeActions(this.#gateway, call, exchange, writer.named);
  }

  /** Null also where the model that chats streams alone: it gives no objects. */
  async #writer(workspaceId: string): Promise<WritingModel | null> {
    const wanted = { workspaceId, capabilities: ['GENERATE'] as const };
    try {
      return await writingModel(this.#catalog, this.#gateway.router, wanted);
    } catch (error) {
      if (error instanceof NoProviderError) return null;
      throw error;
    }
  }

  /** A later one begins with what an earlier one says, so that none of them has much to read. */
  async #summarise(call: ModelCall, message: AnsweredMessage): Promise<void> {
    const asked = { conversationId: message.conversationId, messageId: message.questionId };
    const { conversation, history } = await readContext(this.#database, call.caller.workspace.id, asked);
    const old = history.slice(0, Math.max(0, history.length - RECENT_MESSAGES));
    const fresh = old.filter(({ position }) => position > conversation.summaryPosition);
    const last = fresh.at(-1);
    if (last === undefined || fresh.length < SUMMARISED_AT_ONCE) return;
    const said = fresh.map(({ role, text }) => {
      return `${role === 'USER' ? 'User' : 'Assistant'}: ${text.slice(0, SAID_CHARACTERS).toWellFormed()}`;
    });
    const text = [conversation.summary ?? '', ...said].filter((part) => part !== '').join('\n');
    const own = { ...call, operation: 'summarise' } as const;
    const made = await this.#summaries.summaryOfText(own, { title: conversation.title, text });
    if (made === null) return;
    const summary = { summary: made.text, position: last.position };
    await this.#inWorkspace(call, (scope) => storeSummary(scope, conversation.id, summary));
  }

  #inWorkspace<Result>(call: ModelCall, work: (scope: WorkspaceScope) => Promise<Result>): Promise<Result> {
    return this.#database.withWorkspace(call.caller.workspace.id, work);
  }
}
