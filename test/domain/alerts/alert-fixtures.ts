import { pino } from 'pino';
import type { Database } from '../../../src/db/client.ts';
import { AlertWatch } from '../../../src/domain/alerts/alert-watch.ts';
import { UsageRecorder } from '../../../src/domain/usage/usage-recorder.ts';
import { usageEvent } from '../usage/usage-fixtures.ts';

export interface Clock {
  now: number;
}

/** One server that writes usage and watches it. */
export function openWatch(database: Database, clock: Clock) {
  const logger = pino({ level: 'silent' });
  /** The workspaces of the alerts that were sent. */
  const sent: string[] = [];
  const watch = new AlertWatch({
    ...{ database, logger, now: () => clock.now, intervalMs: 20 },
    send: async (scope, alertIds) => {
      sent.push(...alertIds.map(() => scope.workspaceId));
    },
  });
  const recorder = new UsageRecorder({ database, logger });
  recorder.onWritten((workspaceIds) => watch.checkSoon(workspaceIds));
  /** Writes an attempt that has cost so much. */
  const spend = async (workspaceId: string, costUsd: string, apiKeyId: string | null = null) => {
    recorder.record(usageEvent(workspaceId, { at: clock.now, costUsd, apiKeyId, operation: 'chat', llmCalls: 1 }));
    await recorder.flush();
  };
  return { watch, recorder, spend, sent };
}

export interface AlertRow {
  level: string;
  subject: string;
  percent: number;
  startsOn: string;
  ended: boolean;
}

/** A workspace's alerts in the order in which they were raised. */
export function alertRows(database: Database, workspaceId: string): Promise<AlertRow[]> {
  return database.withWorkspace(
    workspaceId,
    async ({ sql }) => sql<AlertRow[]>`
      select level, source || ' ' || subject || ' ' || "window" as subject, percent, starts_on::text as starts_on,
        ended_at is not null as ended
      from alerts order by seq`,
  );
}
