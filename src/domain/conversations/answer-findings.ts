import type { Database } from '../../db/client.ts';
import type { Logger } from '../../observability/logger.ts';
import type { WorkspaceCaller } from '../access/caller.ts';
import { findWorkspace } from '../access/workspace-lookup.ts';
import type { ModelCall } from '../gateway/model-call.ts';
import type { AnsweredMessage, AnswerPostProcessor } from './answer.ts';
import { endFindings, takeDueFindings, type UnfinishedFindings } from './findings-store.ts';
import { findMessages } from './message-store.ts';

const FINDING_MS = 60_000;
/** Longer than one look: what is left to others by then is nobody's. */
export const FINDINGS_LEASE_SECONDS = 120;
/** Looks of other processes, after that of the one which made the answer. */
const MAX_TRIES = 3;
const AT_ONCE = 5;
/** A round of the upkeep has other things to do. */
const ROUND_MS = 30_000;

export interface AnswerFindingsParts {
  database: Database;
  logger: Logger;
  /** Left out: nothing is added to an answer. */
  postProcessor?: AnswerPostProcessor | undefined;
}

/** Who asked for an answer, with what. */
export type AnswerOrigin = Pick<UnfinishedFindings, 'conversationId' | 'requestId'>;

/**
 * Has found out what can be told of an answer: by the process that made it once that is told, and, where that was lost or
 * could not, by the upkeep of any.
 */
export class AnswerFindings {
  readonly #parts: AnswerFindingsParts;

  constructor(parts: AnswerFindingsParts) {
    this.#parts = parts;
  }

  /** After how long others look for what was not found out; undefined: nothing is. */
  get dueSeconds(): number | undefined {
    return this.#parts.postProcessor === undefined ? undefined : FINDINGS_LEASE_SECONDS;
  }

  /** Never throws. */
  async find(
    caller: WorkspaceCaller,
    { conversationId, requestId }: AnswerOrigin,
    { generationId, ...message }: AnsweredMessage & { generationId: string },
    signal: AbortSignal,
  ): Promise<void> {
    const { database, logger, postProcessor } = this.#parts;
    if (postProcessor === undefined) return;
    const ending = AbortSignal.any([AbortSignal.timeout(FINDING_MS), signal]);
    const origin = { aboutId: conversationId, requestId, signal: ending, tally: null };
    const call: ModelCall = { caller, operation: 'chat', ...origin };
    try {
      await postProcessor.process(call, message);
      await database.withWorkspace(caller.workspace.id, (scope) => endFindings(scope, generationId));
    } catch (error) {
      logger.warn({ err: error, generationId }, 'not all was found out about an answer; it is tried again');
    }
  }

  /** What the processes that made answers have left undone, as far as a round has time for it. */
  async findMissed(signal: AbortSignal): Promise<void> {
    const { database } = this.#parts;
    if (this.#parts.postProcessor === undefined) return;
    const isOver = AbortSignal.any([AbortSignal.timeout(ROUND_MS), signal]);
    const asked = { limit: AT_ONCE, leaseSeconds: FINDINGS_LEASE_SECONDS, maxTries: MAX_TRIES };
    while (!isOver.aborted) {
      const due = await database.withSystem((scope) => takeDueFindings(scope, asked));
      await Promise.all(due.map((one) => this.#findMissed(one, signal)));
      if (due.length < AT_ONCE) return;
    }
  }

  async #findMissed(due: UnfinishedFindings, signal: AbortSignal): Promise<void> {
    const { workspaceId, id, conversationId, questionId, messageId, apiKeyId, userId } = due;
    const caller = await findCaller(this.#parts.database, { workspaceId, apiKeyId, userId });
    if (caller === null) return;
    const [message] = await this.#parts.database.withWorkspace(workspaceId, (scope) =>
      findMessages(scope, [messageId]),
    );
    if (message === undefined) return;
    const { text, language, model } = message;
    const answered = { generationId: id, id: messageId, conversationId, questionId, text, language, model };
    await this.find(caller, due, answered, signal);
  }
}

/** Whose usage an answer is; null where the workspace is gone. */
export async function findCaller(
  database: Database,
  { workspaceId, apiKeyId, userId }: Pick<UnfinishedFindings, 'workspaceId' | 'apiKeyId' | 'userId'>,
): Promise<WorkspaceCaller | null> {
  const workspace = await database.withSystem((scope) => findWorkspace(scope, workspaceId));
  if (workspace === null) return null;
  return { kind: apiKeyId === null ? 'user' : 'apiKey', workspace, role: 'MEMBER', apiKeyId, userId };
}
