import type { SystemScope, WorkspaceScope } from '../../db/workspace-scope.ts';

/** A stored answer about which something is still to be found out. */
export interface UnfinishedFindings {
  workspaceId: string;
  /** Of the generation. */
  id: string;
  conversationId: string;
  questionId: string;
  messageId: string;
  apiKeyId: string | null;
  userId: string | null;
  requestId: string;
}

/**
 * Takes answers that are due for so long, and leaves them to whoever asks for so many seconds. Those that were taken too
 * often already are given up.
 */
export async function takeDueFindings(
  scope: SystemScope,
  { limit, leaseSeconds, maxTries }: { limit: number; leaseSeconds: number; maxTries: number },
): Promise<UnfinishedFindings[]> {
  const taken = await scope.sql<(UnfinishedFindings & { isGivenUp: boolean })[]>`
    update generations g set
      findings_tries = g.findings_tries + 1,
      findings_due_at = case when g.findings_tries < ${maxTries}
        then clock_timestamp() + make_interval(secs => ${leaseSeconds}::float8) end
    from (
      select workspace_id, id from generations
      where findings_due_at < clock_timestamp() order by findings_due_at limit ${limit} for update skip locked
    ) due
    where g.workspace_id = due.workspace_id and g.id = due.id
    returning g.workspace_id, g.id, g.conversation_id, g.question_id, g.message_id, g.api_key_id, g.user_id,
      g.request_id, g.findings_due_at is null as is_given_up`;
  return taken.filter(({ isGivenUp }) => !isGivenUp);
}

/** Nothing more is to be found out. */
export async function endFindings(scope: WorkspaceScope, generationId: string): Promise<void> {
  await scope.sql`
    update generations set findings_due_at = null
    where workspace_id = ${scope.workspaceId} and id = ${generationId} and findings_due_at is not null`;
}
