import type { Database } from '../../../db/client.ts';
import { NotFoundError } from '../../../shared/errors.ts';
import { PromptFile } from '../../../shared/prompt-file.ts';
import { authorize } from '../../access/caller.ts';
import { detectLanguage } from '../../documents/language.ts';
import type { GenerationInput } from '../../gateway/generation.ts';
import type { ModelCall } from '../../gateway/model-call.ts';
import type { ModelCatalog } from '../../gateway/model-catalog.ts';
import type { ModelGateway } from '../../gateway/model-gateway.ts';
import type { AnswerMaker, AnswerPart, AnswerQuestion, ExpectedQuestion } from '../answer.ts';
import { findMessages } from '../message-store.ts';
import { EXPECTED_PICTURE, type ModelFinding, seeingModel } from './answer-model.ts';
import { spokenLanguage } from './languages.ts';
import type { PictureRoom } from './picture-room.ts';
import type { WritingModel } from './writing-model.ts';
import { bytesOf, completionOf, pictureParts, writtenParts } from './written-answer.ts';

const PROMPT = new PromptFile<'language'>(new URL('./image-prompt.md', import.meta.url));
/** What is asked where nobody asks anything. */
const OPEN_QUESTION = 'Describe this picture.';

/** Has models that see say what pictures show. */
export class ImageDescriptions implements AnswerMaker {
  readonly #database: Database;
  readonly #gateway: ModelGateway;
  readonly #finding: ModelFinding;
  readonly #pictures: PictureRoom;

  constructor(parts: { database: Database; gateway: ModelGateway; catalog: ModelCatalog; pictures: PictureRoom }) {
    const { database, gateway, catalog, pictures } = parts;
    this.#database = database;
    this.#pictures = pictures;
    this.#gateway = gateway;
    this.#finding = { catalog, router: gateway.router };
  }

  async check(call: ModelCall, { text, model }: ExpectedQuestion): Promise<void> {
    const { workspace } = authorize(call.caller, 'AI_USE');
    const writer = await seeingModel(this.#finding, workspace.id, model);
    const parts = [{ kind: 'text' as const, text }, EXPECTED_PICTURE];
    await this.#gateway.check(call, { model: writer.model, request: { messages: [{ role: 'user', parts }] } });
  }

  answer(call: ModelCall, asked: AnswerQuestion): AsyncGenerator<AnswerPart, void> {
    const { workspace } = authorize(call.caller, 'AI_USE');
    const size = { workspaceId: workspace.id, bytes: bytesOf(asked.attachments), signal: call.signal };
    return this.#pictures.during(size, () => this.#describe(call, asked));
  }

  async *#describe(call: ModelCall, asked: AnswerQuestion): AsyncGenerator<AnswerPart, void> {
    const { workspace } = call.caller;
    const writer = await seeingModel(this.#finding, workspace.id, asked.model);
    const input = await this.#inputOf(workspace.id, asked, writer);
    let text = '';
    for await (const part of writtenParts(this.#gateway, call, input, writer)) {
      if (part.kind === 'restarted') text = '';
      if (part.kind === 'text') text += part.text;
      if (part.kind === 'started' || part.kind === 'restarted') yield part;
      if (part.kind === 'text') yield { kind: 'text', text: part.text };
      if (part.kind !== 'completed') continue;
      yield completionOf(part.answer, { text, language: await detectLanguage(text), citations: [] });
    }
  }

  async #inputOf(
    workspaceId: string,
    { messageId, attachments }: AnswerQuestion,
    { named }: WritingModel,
  ): Promise<GenerationInput> {
    const [question] = await this.#database.withWorkspace(workspaceId, (scope) => findMessages(scope, [messageId]));
    if (question === undefined) throw new NotFoundError('message', messageId);
    const isOpen = question.text === '';
    const language = isOpen ? null : await detectLanguage(question.text);
    const name = language === null ? null : spokenLanguage(language);
    const inLanguage = isOpen ? 'in English' : name === null ? 'in the language of the question' : `in ${name}`;
    const pictures = await pictureParts(this.#database, workspaceId, attachments);
    const said = { kind: 'text', text: isOpen ? OPEN_QUESTION : question.text } as const;
    return {
      work: 'chat',
      messages: [
        { role: 'system', text: PROMPT.fill({ language: inLanguage }) },
        { role: 'user', parts: [...pictures, said] },
      ],
      ...(named === undefined ? {} : { model: named }),
    };
  }
}
