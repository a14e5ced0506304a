import type { Database } from '../../db/client.ts';
import { authorize, type Caller } from '../access/caller.ts';
import type { Queue } from './queue.ts';
import { readQueues } from './queue-store.ts';

/** Shows how much of its work a workspace has in each queue. */
export class QueueService {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** From the one that goes first to the dead letters. */
  async list(caller: Caller): Promise<Queue[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    return this.#database.withWorkspace(workspace.id, readQueues);
  }
}
