import type { Database } from '../../../db/client.ts';
import type { WorkspaceScope } from '../../../db/workspace-scope.ts';
import type { ClassificationService } from '../../classification/classification-service.ts';
import type { AnswerService } from '../../conversations/answering/answer-service.ts';
import type { ModelCall } from '../../gateway/model-call.ts';
import type { ModelCatalog } from '../../gateway/model-catalog.ts';
import type { ModelGateway } from '../../gateway/model-gateway.ts';
import type { Finder } from '../../insights/finding.ts';
import type { DocumentSearch } from '../../search/document-search.ts';
import type { Operation } from '../../usage/usage-event.ts';
import type { AgentsWriter } from '../agents-writer.ts';
import type { RunReach } from './run-reach.ts';

/** What tools are made of. */
export interface ToolParts {
  database: Database;
  search: DocumentSearch;
  answers: AnswerService;
  classifications: ClassificationService;
  catalog: ModelCatalog;
  gateway: ModelGateway;
}

/** One attempt at a run, as far as its tools need to know it. */
export interface ToolRun {
  readonly reach: RunReach;
  /** Who finds what is recorded. */
  readonly finder: Finder;
  /** Null: none writes. */
  readonly writer: AgentsWriter | null;
  /** For the run's usage, its budget, and its end. */
  call(operation: Operation): ModelCall;
  /**
   * @param isFree it keeps what was found: that costs nothing, and is done where nothing is left of the budget, too
   * @throws RunBudgetExceededError where nothing is left of the run's budget; the reason where it was ended
   */
  assertLeft(isFree?: boolean): void;
}

/** Reads or writes in a transaction of the run's workspace. */
export function inWorkspace<Result>(
  { database }: ToolParts,
  { reach }: ToolRun,
  work: (scope: WorkspaceScope) => Promise<Result>,
): Promise<Result> {
  return database.withWorkspace(reach.workspaceId, work);
}
