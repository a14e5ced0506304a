import type { Database } from '../../db/client.ts';
import type { Logger } from '../../observability/logger.ts';
import type { ModelGateway } from '../gateway/model-gateway.ts';
import type { MaintenanceStep } from '../queues/maintenance.ts';
import type { AnswerMaker, AnswerPostProcessor } from './answer.ts';
import { ConversationService } from './conversation-service.ts';
import { dropLogs } from './generation-log-store.ts';
import { GenerationRunner } from './generation-runner.ts';
import { GenerationService } from './generation-service.ts';
import { MessageService } from './message-service.ts';

/** How long the log of an answer is kept once that is stored. */
const LOG_KEPT_SECONDS = 3_600;
/** Logs that one transaction drops, and transactions of one round. */
const LOGS_AT_ONCE = 200;
const DROPS_PER_ROUND = 50;

export interface ConversingParts {
  database: Database;
  logger: Logger;
  gateway: ModelGateway;
  maker: AnswerMaker;
  postProcessor?: AnswerPostProcessor;
}

/** Everything that conversations are made of. */
export interface Conversing {
  services: { conversations: ConversationService; messages: MessageService; generations: GenerationService };
  /** To be started when the doors are open, and stopped before the models are closed. */
  runner: GenerationRunner;
  upkeep: MaintenanceStep;
}

export function openConversing(parts: ConversingParts): Conversing {
  const { database, gateway } = parts;
  const runner = new GenerationRunner(parts);
  const checkModel = async (workspaceId: string, model: string) => {
    await gateway.router.route({ workspaceId, model, work: 'chat', fallbacks: [], capabilities: ['STREAM'] });
  };
  return {
    services: {
      conversations: new ConversationService(database),
      messages: new MessageService({ database, runner, checkModel }),
      generations: new GenerationService(database),
    },
    runner,
    upkeep: { name: 'logs of answers', run: (signal) => dropOldLogs(database, signal) },
  };
}

async function dropOldLogs(database: Database, signal: AbortSignal): Promise<void> {
  for (let round = 0; round < DROPS_PER_ROUND && !signal.aborted; round++) {
    const dropped = await database.withSystem((scope) => dropLogs(scope, LOG_KEPT_SECONDS, LOGS_AT_ONCE));
    if (dropped < LOGS_AT_ONCE) return;
  }
}
