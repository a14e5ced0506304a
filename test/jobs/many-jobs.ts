import { z } from 'zod';
import { defineJob } from '../../src/jobs/define-job.ts';

/** What a process that is to be killed among many jobs is told. */
export interface ManyJobsProcess {
  databaseUrl: string | undefined;
  dataDir: string;
  preparedFolderPath: string | null;
  workspaceId: string;
  /** Jobs that it enqueues in a workspace that it makes; 0: they are there. */
  count: number;
  /** Jobs that it begins before none of them comes to its end any more. */
  hangsAfter: number;
}

/** A job that is over at once. */
export function shortJob(work: (n: number) => Promise<void>) {
  return defineJob({
    kind: 'EMBED',
    schema: z.object({ n: z.number() }),
    run: async ({ n }) => {
      await work(n);
      return n;
    },
  });
}
