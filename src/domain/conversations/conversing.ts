import type { Database } from '../../db/client.ts';
import type { Logger } from '../../observability/logger.ts';
import type { UploadSlots } from '../imports/upload-slots.ts';
import type { MaintenanceStep } from '../queues/maintenance.ts';
import type { AnswerMaker, AnswerPostProcessor, GenerationTask } from './answer.ts';
import { AnswerFindings } from './answer-findings.ts';
import { ConversationService } from './conversation-service.ts';
import { dropLogs } from './generation-log-store.ts';
import { GenerationRunner } from './generation-runner.ts';
import { GenerationService } from './generation-service.ts';
import { ImageDescriptionService } from './image-description-service.ts';
import { MessageService } from './message-service.ts';

/** How long the log of an answer is kept once that is stored. */
const LOG_KEPT_SECONDS = 3_600;
/** Logs that one transaction drops, and transactions of one round. */
const LOGS_AT_ONCE = 200;
const DROPS_PER_ROUND = 50;

export interface ConversingParts {
  database: Database;
  logger: Logger;
  makers: Readonly<Record<GenerationTask, AnswerMaker>>;
  postProcessor?: AnswerPostProcessor;
  /** Bounds the files in memory. */
  slots: UploadSlots;
}

/** Everything that conversations are made of. */
export interface Conversing {
  services: {
    conversations: ConversationService;
    messages: MessageService;
    generations: GenerationService;
    imageDescriptions: ImageDescriptionService;
  };
  /** To be started when the doors are open, and stopped before the models are closed. */
  runner: GenerationRunner;
  upkeep: MaintenanceStep[];
}

export function openConversing(parts: ConversingParts): Conversing {
  const { database, makers, slots } = parts;
  const findings = new AnswerFindings(parts);
  const runner = new GenerationRunner({ ...parts, findings });
  return {
    services: {
      conversations: new ConversationService(database),
      messages: new MessageService({ database, runner, maker: makers.CHAT, slots }),
      generations: new GenerationService(database),
      imageDescriptions: new ImageDescriptionService({ database, runner, maker: makers.DESCRIBE_IMAGE, slots }),
    },
    runner,
    upkeep: [
      { name: 'logs of answers', run: (signal) => dropOldLogs(database, signal) },
      { name: 'findings about answers', run: (signal) => findings.findMissed(signal) },
    ],
  };
}

async function dropOldLogs(database: Database, signal: AbortSignal): Promise<void> {
  for (let round = 0; round < DROPS_PER_ROUND && !signal.aborted; round++) {
    const dropped = await database.withSystem((scope) => dropLogs(scope, LOG_KEPT_SECONDS, LOGS_AT_ONCE));
    if (dropped < LOGS_AT_ONCE) return;
  }
}
