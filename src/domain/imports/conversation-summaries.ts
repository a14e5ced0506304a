import type { Database } from '../../db/client.ts';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import type { JobContext } from '../../jobs/define-job.ts';
import type { JsonObject } from '../../shared/json.ts';
import type { Sentiment } from '../classification/classification.ts';
import type { WhenProvidersFail } from '../classification/classification-service.ts';
import { findCollections } from '../documents/collection-store.ts';
import type { Collection, Document } from '../documents/document.ts';
import type { DocumentService, EmbeddingModelOf } from '../documents/document-service.ts';
import { listDocuments } from '../documents/document-store.ts';
import { prepareDocuments } from '../documents/prepare-documents.ts';
import { withinAllowance } from '../gateway/job-call.ts';
import type { ModelCall } from '../gateway/model-call.ts';
import type { Operation } from '../usage/usage-event.ts';
import type { Import } from './import.ts';
import { countConversations, findImports, markSummarised, pendingConversations } from './import-store.ts';
import { Landmarks } from './landmarks.ts';

/** Of a conversation, the newest; a summary of more would say nothing of each. */
const MESSAGES_READ = 1_000;
const MESSAGES_PER_PAGE = 200;
const CONVERSATIONS_PER_PAGE = 50;
const PARTICIPANTS_SHOWN = 50;
/** Of the messages together; a document's text may be no longer. */
const TRANSCRIPT_CHARACTERS = 200_000;

export interface ConversationParts {
  database: Database;
  documents: DocumentService;
  embeddingModelOf: EmbeddingModelOf;
  /** A few sentences that say what a text says; null where it has no words. */
  summarise(
    call: ModelCall,
    content: { title: string | null; text: string },
  ): Promise<{ text: string; model: string } | null>;
  /** How documents feel, by id. */
  sentimentsOf(
    call: ModelCall,
    documents: readonly Document[],
    whenProvidersFail: WhenProvidersFail,
  ): Promise<Map<string, Sentiment>>;
}

/** The external id of a conversation's summary. */
export function summaryExternalId(conversation: string): string {
  return `conversation:${conversation}`;
}

/**
 * Writes a summary of each conversation that an import has brought messages of: a document of its own beside them, which
 * the next import of the same conversation brings up to date. Each is done once, also where the process dies between two.
 */
export class ConversationSummaries {
  readonly #parts: ConversationParts;
  readonly #callFor: (operation: Operation) => ModelCall;
  readonly #context: JobContext;

  constructor(parts: ConversationParts, callFor: (operation: Operation) => ModelCall, context: JobContext) {
    this.#parts = parts;
    this.#callFor = callFor;
    this.#context = context;
  }

  /** @throws RetryLater at the end of an allowance or a budget */
  async run(importId: string): Promise<JsonObject> {
    const begun = await this.#inWorkspace(async (scope) => {
      const [row] = await findImports(scope, [importId]);
      const [collection] = row === undefined ? [] : await findCollections(scope, [row.collectionId]);
      if (row === undefined || collection === undefined) return null;
      return { row, collection, counts: await countConversations(scope, importId) };
    });
    if (begun === null) return { gone: true };
    const { row, collection, counts } = begun;
    const landmarks = new Landmarks(this.#context);
    let { summarised } = counts;
    for (;;) {
      const pending = await this.#inWorkspace((scope) => pendingConversations(scope, importId, CONVERSATIONS_PER_PAGE));
      if (pending.length === 0) return { conversations: summarised };
      for (const conversation of pending) {
        this.#context.signal.throwIfAborted();
        await withinAllowance(() => this.#summarise(row, collection, conversation));
        summarised += 1;
        this.#context.progress(summarised, 0, counts.total);
        await landmarks.pass(summarised);
      }
    }
  }

  async #summarise(row: Import, collection: Collection, conversation: string): Promise<void> {
    const messages = await this.#messagesOf(collection, conversation);
    const sentiments = await this.#parts.sentimentsOf(this.#callFor('sentiment'), messages, 'throw');
    const title = `Conversation ${conversation}`.slice(0, 2_000);
    const said = await this.#parts.summarise(this.#callFor('summarise'), { title, text: transcriptOf(messages) });
    const scores = messages.flatMap(({ id }) => sentiments.get(id)?.score ?? []);
    const participants = [...new Set(messages.flatMap(({ metadata }) => metadata.author ?? []))];
    const prepared = await prepareDocuments(collection, [
      {
        externalId: summaryExternalId(conversation),
        kind: 'TEXT',
        title,
        text: said?.text ?? '',
        metadata: {
          conversation,
          messages: messages.length,
          participants: participants.slice(0, PARTICIPANTS_SHOWN),
          sentiment: scores.length === 0 ? null : round(scores.reduce((sum, score) => sum + score, 0) / scores.length),
          summaryModel: said?.model ?? null,
        },
        createdAt: messages.at(-1)?.createdAt ?? null,
      },
    ]);
    const tasks = row.tasks.filter((task) => task === 'EMBED');
    const { caller } = this.#callFor('summarise');
    await this.#parts.documents.writePrepared(caller, { collectionId: collection.id, tasks }, prepared, (scope) =>
      markSummarised(scope, row.id, conversation),
    );
  }

  /** Oldest first; with those that other imports have brought. */
  async #messagesOf(collection: Collection, conversation: string): Promise<Document[]> {
    const { workspace } = this.#callFor('summarise').caller;
    const model = await this.#parts.embeddingModelOf(workspace.id);
    const filter = { collectionIds: [collection.id], kinds: ['MESSAGE' as const], metadata: { conversation } };
    const messages: Document[] = [];
    for (;;) {
      const last = messages.at(-1);
      const after = last === undefined ? null : { createdAt: last.createdAt, id: last.id };
      const page = await this.#inWorkspace((scope) =>
        listDocuments(scope, filter, { limit: MESSAGES_PER_PAGE, after }, model),
      );
      messages.push(...page);
      if (page.length < MESSAGES_PER_PAGE || messages.length >= MESSAGES_READ) return messages.reverse();
    }
  }

  #inWorkspace<Result>(work: (scope: WorkspaceScope) => Promise<Result>): Promise<Result> {
    return this.#parts.database.withWorkspace(this.#callFor('summarise').caller.workspace.id, work);
  }
}

function transcriptOf(messages: readonly Document[]): string {
  const lines: string[] = [];
  let length = 0;
  for (const { text, metadata } of messages) {
    const line = typeof metadata.author === 'string' ? `${metadata.author}: ${text}` : text;
    length += line.length + 1;
    if (length > TRANSCRIPT_CHARACTERS) break;
    lines.push(line);
  }
  return lines.join('\n');
}

function round(score: number): number {
  return Math.round(score * 1_000) / 1_000;
}
