import { createHash } from 'node:crypto';
import type { SystemScope, WorkspaceScope } from '../../db/workspace-scope.ts';
import { ConflictError, InvalidInputError } from '../../shared/errors.ts';

const KEY_MAX_CHARACTERS = 200;

/** A mutation that may be sent twice and is done once. */
export interface IdempotentRequest {
  operation: string;
  key: string;
  /** SHA-256 of the input. */
  inputHash: Uint8Array;
}

export function idempotentRequest(operation: string, key: string, input: unknown): IdempotentRequest {
  if (key === '' || key.length > KEY_MAX_CHARACTERS) {
    throw InvalidInputError.at('idempotencyKey', `must have 1 to ${KEY_MAX_CHARACTERS} characters`);
  }
  return { operation, key, inputHash: createHash('sha256').update(JSON.stringify(input)).digest() };
}

/** Another request with the same key was stored first: this one is rolled back and answered with the other's answer. */
export class AlreadyAnsweredError extends Error {
  override readonly name = 'AlreadyAnsweredError';
}

/**
 * The answer that the same request was given within a day, or null.
 * @throws ConflictError where the key was used for another input
 */
export async function readAnswer<Answer>(scope: WorkspaceScope, request: IdempotentRequest): Promise<Answer | null> {
  const rows = await scope.sql<{ inputHash: Buffer; answer: string }[]>`
    select input_hash, answer from idempotency_keys
    where operation = ${request.operation} and key = ${request.key} and created_at > now() - interval '24 hours'`;
  const row = rows[0];
  if (row === undefined) return null;
  if (!row.inputHash.equals(request.inputHash)) {
    throw new ConflictError(
      `the idempotency key ${JSON.stringify(request.key)} was used for another input within the last 24 hours`,
    );
  }
  return JSON.parse(row.answer) as Answer;
}

/**
 * Keeps the answer, in the transaction of the write that it tells of.
 * @throws AlreadyAnsweredError where another request with the key was quicker
 */
export async function keepAnswer(scope: WorkspaceScope, request: IdempotentRequest, answer: unknown): Promise<void> {
  const kept = await scope.sql`
    insert into idempotency_keys as k (workspace_id, operation, key, input_hash, answer)
    values (${scope.workspaceId}, ${request.operation}, ${request.key}, ${request.inputHash}, ${JSON.stringify(answer)})
    on conflict (workspace_id, operation, key) do update
    set input_hash = excluded.input_hash, answer = excluded.answer, created_at = now()
    where k.created_at <= now() - interval '24 hours'
    returning key`;
  if (kept.length === 0) throw new AlreadyAnsweredError();
}

/** Drops what is over its time; at most `limit` at once. Returns how many went. */
export async function dropExpiredAnswers(scope: SystemScope, limit: number): Promise<number> {
  const dropped = await scope.sql`
    delete from idempotency_keys where (workspace_id, operation, key) in (
      select workspace_id, operation, key from idempotency_keys where created_at < now() - interval '24 hours' limit ${limit}
    )`;
  return dropped.count;
}
