import type { Database } from '../../db/client.ts';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import { ConflictError, NotFoundError } from '../../shared/errors.ts';
import { newId } from '../../shared/ids.ts';
import { storableText } from '../../shared/text.ts';
import type { WorkspaceCaller } from '../access/caller.ts';
import { takePositions } from './conversation-store.ts';
import { GENERATIONS_WAITING_TOPIC, type GenerationOptions } from './generation.ts';
import type { GenerationRunner } from './generation-runner.ts';
import { insertGeneration, type Lease, type TakenGeneration } from './generation-store.ts';
import { insertAttachment, insertMessage, type NewAttachment } from './message-store.ts';

/** A question that may be written down. */
export interface NewQuestion {
  /** Of the generation. */
  id: string;
  conversationId: string;
  text: string;
  options: GenerationOptions;
  attachments: readonly NewAttachment[];
  requestId: string;
}

/**
 * Writes something down with the generation that answers it, and has that made: here where there is room, else by the
 * first process that has some.
 */
export async function startGeneration(
  { database, runner }: { database: Database; runner: GenerationRunner },
  { workspace }: WorkspaceCaller,
  write: (scope: WorkspaceScope, lease: Lease | null) => Promise<TakenGeneration>,
): Promise<TakenGeneration> {
  const place = runner.place();
  let taken: TakenGeneration;
  try {
    taken = await database.withWorkspace(workspace.id, (scope) => write(scope, place?.lease ?? null));
  } catch (error) {
    place?.leave();
    throw error;
  }
  place?.run(taken);
  return taken;
}

/**
 * The question, the message that its answer will be, and the generation.
 * @throws NotFoundError (conversation), ConflictError where another answer of the conversation is not over
 */
export async function writeQuestion(
  scope: WorkspaceScope,
  { apiKeyId, userId }: WorkspaceCaller,
  { id, conversationId, text, options, attachments, requestId }: NewQuestion,
  lease: Lease | null,
): Promise<TakenGeneration> {
  const [questionId, messageId] = [newId('Message'), newId('Message')];
  const position = await takePositions(scope, conversationId, 2);
  if (position === null) throw new NotFoundError('conversation', conversationId);
  await insertMessage(scope, { id: questionId, conversationId, position, role: 'USER', text: storableText(text) });
  await insertMessage(scope, { id: messageId, conversationId, position: position + 1, role: 'ASSISTANT', text: '' });
  for (const [index, attachment] of attachments.entries()) {
    await insertAttachment(scope, questionId, index + 1, attachment);
  }
  const row = { id, conversationId, questionId, messageId, options, apiKeyId, userId, requestId };
  const generation = await insertGeneration(scope, row, lease);
  if (generation === null) {
    throw new ConflictError(
      'an answer of this conversation is still being written: wait for its end, or stop it with stopGeneration',
    );
  }
  if (lease === null) scope.ring(GENERATIONS_WAITING_TOPIC);
  return generation;
}
