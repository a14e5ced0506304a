import type { Database } from '../../../db/client.ts';
import type { ClassificationService } from '../../classification/classification-service.ts';
import type { ModelCatalog } from '../../gateway/model-catalog.ts';
import type { ModelGateway } from '../../gateway/model-gateway.ts';
import type { DocumentSearch } from '../../search/document-search.ts';
import type { SummaryService } from '../../summaries/summary-service.ts';
import type { AnswerMaker, AnswerPostProcessor, GenerationTask } from '../answer.ts';
import { AnswerService } from './answer-service.ts';
import { ConversationAnswers } from './conversation-answers.ts';
import { ImageDescriptions } from './image-descriptions.ts';
import { PassageFinder } from './passage-finder.ts';
import { PictureRoom } from './picture-room.ts';
import { PostProcessing } from './post-processing.ts';

/** What answers questions. */
export interface Answering {
  /** Single ones. */
  service: AnswerService;
  makers: Readonly<Record<GenerationTask, AnswerMaker>>;
  postProcessor: AnswerPostProcessor;
}

/** Puts it together. */
export function openAnswering(parts: {
  database: Database;
  search: DocumentSearch;
  catalog: ModelCatalog;
  gateway: ModelGateway;
  classifications: ClassificationService;
  summaries: SummaryService;
}): Answering {
  const passages = new PassageFinder(parts);
  const pictures = new PictureRoom();
  return {
    service: new AnswerService({ ...parts, passages }),
    makers: {
      CHAT: new ConversationAnswers({ ...parts, passages, pictures }),
      DESCRIBE_IMAGE: new ImageDescriptions({ ...parts, pictures }),
    },
    postProcessor: new PostProcessing(parts),
  };
}
