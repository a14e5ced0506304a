import { z } from 'zod';
import { defineJob } from '../../src/jobs/define-job.ts';

/** What a process that is to be killed is told. */
export interface InterruptedProcess {
  databaseUrl: string | undefined;
  dataDir: string;
  preparedFolderPath: string | null;
  workspaceId: string;
  /** Whether it makes the workspace and the job, and tells the job's id first. */
  isFirst: boolean;
  hangsAt: string;
}

/** A job of three steps, each of which counts on the one before. */
export function threeSteps(work: (step: string) => Promise<void>) {
  return defineJob({
    kind: 'EMBED',
    schema: z.object({}),
    run: async (_payload, { step }) => {
      const first = await step('first', () => work('first').then(() => 1));
      const second = await step('second', () => work('second').then(() => first + 1));
      return step('third', () => work('third').then(() => second + 1));
    },
  });
}
