import type { PgBoss } from 'pg-boss';
import { z } from 'zod';
import type { SystemScope, WorkspaceScope } from '../db/workspace-scope.ts';
import { bossDatabaseInside, bossDatabaseOf } from './boss-database.ts';
import type { QueueName } from './policies.ts';

/**
 * What pg-boss holds of a turn: a workspace's right to be the next that a worker takes jobs from. Which jobs, the
 * worker finds in our table when the turn has come. So a workspace with any number of jobs stands in the line once or a
 * few times, as every other one does.
 */
export const TURN = z.object({
  workspaceId: z.string(),
  /** Brought by a job that came while others waited, in case these are over before it is seen. */
  isSpare: z.boolean().default(false),
});

/** Turns that are not spare go first, and those of one kind by their age. */
const PRIORITY = { own: 1, spare: 0 } as const;

/** Rung when there is a turn in a queue. */
export function turnsTopic(queue: QueueName): string {
  return `turns:${queue}`;
}

/** Puts workspaces in line. */
export class Turns {
  readonly #boss: PgBoss;

  constructor(boss: PgBoss) {
    this.#boss = boss;
  }

  /** As part of the transaction of `scope`, and for its workspace. */
  async send(scope: WorkspaceScope, queue: QueueName, isSpare = false): Promise<void> {
    const { workspaceId } = scope;
    const priority = isSpare ? PRIORITY.spare : PRIORITY.own;
    scope.ring(turnsTopic(queue));
    await this.#boss.send(
      queue,
      { workspaceId, isSpare },
      { priority, group: { id: workspaceId }, db: bossDatabaseInside(scope) },
    );
  }

  /**
   * Whether the workspace of `scope` stands in line with a turn that is not spare. No turn is ever blocked: asking for it
   * is what lets the look use pg-boss's index of the line.
   */
  async isInLine(scope: WorkspaceScope, queue: QueueName): Promise<boolean> {
    const { rows } = await bossDatabaseInside(scope).executeSql(
      `select exists (
        select 1 from pgboss.job
        where name = $1 and state < 'active' and not blocked and priority >= ${PRIORITY.own} and group_id = $2
      ) as "isInLine"`,
      [queue, scope.workspaceId],
    );
    return rows[0]?.isInLine === true;
  }

  /** The same as `send` for several workspaces. */
  async sendAll(scope: SystemScope, queue: QueueName, workspaceIds: readonly string[]): Promise<void> {
    const turns = workspaceIds.map((id) => ({ data: { workspaceId: id }, priority: PRIORITY.own, group: { id } }));
    scope.ring(turnsTopic(queue));
    await this.#boss.insert(queue, turns, { db: bossDatabaseOf(scope) });
  }
}
