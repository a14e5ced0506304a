import { InvalidInputError } from '../../../shared/errors.ts';
import { storableText } from '../../../shared/text.ts';
import { authorize } from '../../access/caller.ts';
import type { DocumentFilter } from '../../documents/document.ts';
import type { ModelCall } from '../../gateway/model-call.ts';
import type { ModelCatalog } from '../../gateway/model-catalog.ts';
import type { ModelGateway } from '../../gateway/model-gateway.ts';
import type { Answer } from './answer.ts';
import { LlmAnswerer } from './llm-answerer.ts';
import { LocalAnswerer } from './local-answerer.ts';
import type { PassageFinder } from './passage-finder.ts';
import { writingModel } from './writing-model.ts';

const QUESTION_MAX_CHARACTERS = 10_000;

/** Answers single questions from the workspace's documents. */
export class AnswerService {
  readonly #gateway: ModelGateway;
  readonly #catalog: ModelCatalog;
  readonly #passages: PassageFinder;
  readonly #byAsking: LlmAnswerer;
  readonly #bySentences: LocalAnswerer;

  constructor(parts: { gateway: ModelGateway; catalog: ModelCatalog; passages: PassageFinder }) {
    this.#gateway = parts.gateway;
    this.#catalog = parts.catalog;
    this.#passages = parts.passages;
    this.#byAsking = new LlmAnswerer(parts.gateway);
    this.#bySentences = new LocalAnswerer(parts.gateway);
  }

  /**
   * What the documents say to a question. Where none comes near it, no model is asked.
   * @throws ForbiddenError, InvalidInputError, NotFoundError (the filter's taxonomy), NoProviderError (the chosen model is
   * not there), what the gateway throws
   */
  async ask(call: ModelCall, asked: { question: string; filter: DocumentFilter | null }): Promise<Answer> {
    const { workspace } = authorize(call.caller, 'AI_USE');
    const question = checkedQuestion(asked.question);
    const wanted = { workspaceId: workspace.id, capabilities: ['GENERATE'] as const };
    const writer = await writingModel(this.#catalog, this.#gateway.router, wanted);
    const found = await this.#passages.find(call, question, asked.filter);
    if (writer === null || found.passages.length === 0) {
      return this.#bySentences.answer(call, question, found);
    }
    return this.#byAsking.answer(call, question, found, writer.named);
  }
}

function checkedQuestion(given: string): string {
  const question = storableText(given).trim();
  if (question === '') throw InvalidInputError.at('question', 'must not be empty');
  if (question.length > QUESTION_MAX_CHARACTERS) {
    const limit = QUESTION_MAX_CHARACTERS.toLocaleString('en-US');
    throw InvalidInputError.at('question', `may have ${limit} characters, and has ${question.length}`);
  }
  return question;
}
