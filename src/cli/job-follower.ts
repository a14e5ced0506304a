import { setTimeout as sleep } from 'node:timers/promises';
import { CliError } from './cli-error.ts';
import { type GraphClient, UnreachableError } from './graph-client.ts';

export type JobStatus = 'QUEUED' | 'RUNNING' | 'RETRYING' | 'COMPLETED' | 'FAILED' | 'CANCELLED' | 'DEAD';

export interface JobEvent {
  seq: number;
  status: JobStatus;
  progress: {
    done: number;
    failed: number;
    total: number | null;
    ratePerSecond: number | null;
    etaSeconds: number | null;
    message: string | null;
  };
}

const FOLLOW = /* GraphQL */ `
  subscription FollowJob($id: ID!, $after: Int) {
    job(id: $id, after: $after) {
      seq
      status
      progress { done failed total ratePerSecond etaSeconds message }
    }
  }
`;

const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 10_000;
/** A server that is being replaced is back within minutes. */
const GIVE_UP_AFTER_MS = 10 * 60_000;

export interface FollowOptions {
  onEvent: (event: JobEvent) => void;
  /** The connection is lost, and is tried again. */
  onLost: (reason: string) => void;
  signal: AbortSignal;
}

/**
 * Tells every event of a job until it is over. Where the connection is lost it goes on behind the last event, with
 * pauses that grow.
 * @throws CliError where there is no such job, or no server for ten minutes
 */
export async function followJob(client: GraphClient, jobId: string, options: FollowOptions): Promise<void> {
  const { onEvent, onLost, signal } = options;
  let after = 0;
  let lastHeardAt = performance.now();
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)) {
    try {
      for await (const { job } of client.subscribe<{ job: JobEvent }>(FOLLOW, { id: jobId, after }, signal)) {
        after = job.seq;
        lastHeardAt = performance.now();
        pauseMs = FIRST_PAUSE_MS;
        onEvent(job);
      }
      return;
    } catch (error) {
      if (!(error instanceof UnreachableError)) throw error;
      if (performance.now() - lastHeardAt > GIVE_UP_AFTER_MS) throw new CliError(error.message);
      onLost(error.message);
    }
    await sleep(pauseMs, undefined, { signal });
  }
}
