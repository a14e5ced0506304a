import type { Database } from '../../../src/db/client.ts';
import type { Finder } from '../../../src/domain/insights/finding.ts';
import type { NewInsight } from '../../../src/domain/insights/insight.ts';
import type { NewSignal } from '../../../src/domain/insights/signal.ts';

/** Makes an agent with some runs of it that are under way. Returns who finds something in each of them. */
export async function insertAgentWithRuns(
  database: Database,
  workspaceId: string,
  agentId: string,
  runIds: readonly string[],
): Promise<Finder[]> {
  await database.withWorkspace(workspaceId, async ({ sql }) => {
    await sql`
      insert into agents (workspace_id, id, type, name, is_active)
      values (${workspaceId}, ${agentId}, 'SCOUT', ${`Agent ${agentId}`}, true)`;
    for (const runId of runIds) {
      await sql`
        insert into agent_runs (workspace_id, id, agent_id, job_id, type, cause, status, input, configuration)
        values (${workspaceId}, ${runId}, ${agentId}, ${`job ${runId}`}, 'SCOUT', 'MANUAL', 'RUNNING', '{}', '{}')`;
    }
  });
  return runIds.map((runId) => ({ agentId, agentName: `Agent ${agentId}`, runId }));
}

/** Makes a company and two documents that speak of it, in the collection `col_1`. */
export async function insertCompany(database: Database, workspaceId: string): Promise<void> {
  await database.withWorkspace(
    workspaceId,
    ({ sql }) => sql`
      insert into documents (
        workspace_id, id, collection_id, kind, text, source, metadata, content_hash, lexemes, embedding_status, created_at)
      select ${workspaceId}, id, 'col_1', kind, id, '{}', '{}', sha256(id::bytea), ''::tsvector, 'MISSING', now()
      from (values ('doc_company', 'COMPANY'), ('doc_1', 'TEXT'), ('doc_2', 'TEXT')) as made (id, kind)`,
  );
}

export function anInsight(changes: Partial<NewInsight> = {}): NewInsight {
  return {
    kind: 'ANOMALY',
    title: 'Fewer documents than usual',
    description: 'Yesterday brought 4 documents; 20 were expected.',
    confidence: 0.9,
    priority: 'HIGH',
    dataPoints: [{ metric: 'documents a day', value: 4, at: new Date('2026-05-04T00:00:00Z') }],
    suggestedActions: ['Look whether the import runs.'],
    documentIds: ['doc_1'],
    key: 'documents/2026-05-04',
    ...changes,
  };
}

export function aSignal(changes: Partial<NewSignal> = {}): NewSignal {
  return {
    companyId: 'doc_company',
    type: 'FUNDING_ROUND',
    strength: 'MODERATE',
    confidence: 60,
    data: { amount: '£4m', quote: 'raised £4m' },
    evidenceIds: ['doc_1'],
    detectedAt: new Date('2026-05-04T00:00:00Z'),
    expiresAt: null,
    key: 'series a',
    ...changes,
  };
}
