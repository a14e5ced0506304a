import type { Database } from '../../db/client.ts';
import { InvalidInputError } from '../../shared/errors.ts';
import { newId } from '../../shared/ids.ts';
import type { Upload } from '../../shared/upload.ts';
import { authorize } from '../access/caller.ts';
import type { ModelCall } from '../gateway/model-call.ts';
import type { UploadSlots } from '../imports/upload-slots.ts';
import type { AnswerMaker } from './answer.ts';
import { insertConversation } from './conversation-store.ts';
import type { Generation } from './generation.ts';
import type { GenerationRunner } from './generation-runner.ts';
import { startGeneration, writeQuestion } from './generation-start.ts';
import { readPicture } from './message-attachments.ts';

const PROMPT_MAX_CHARACTERS = 10_000;

/** Has models say what pictures show, each as a generation of its own. */
export class ImageDescriptionService {
  readonly #parts: {
    database: Database;
    runner: GenerationRunner;
    /** What will describe it. */
    maker: AnswerMaker;
    /** Bounds the files in memory. */
    slots: UploadSlots;
  };

  constructor(parts: { database: Database; runner: GenerationRunner; maker: AnswerMaker; slots: UploadSlots }) {
    this.#parts = parts;
  }

  /**
   * Writes the picture down with the generation that describes it, and returns before that has begun. The picture goes
   * when that is over.
   * @throws InvalidInputError; UnavailableError where too many files come in; as `AnswerMaker.check`
   */
  async describe(
    call: ModelCall,
    { file, prompt, model }: { file: Upload; prompt: string | null; model: string | null },
  ): Promise<Generation> {
    const { caller, requestId, signal } = call;
    const member = authorize(caller, 'AI_USE');
    const text = prompt?.trim() ?? '';
    if (text.length > PROMPT_MAX_CHARACTERS) {
      throw InvalidInputError.at('prompt', `may have ${PROMPT_MAX_CHARACTERS} characters, and has ${text.length}`);
    }
    const { maker, slots } = this.#parts;
    await maker.check(call, { text, pictures: 1, retrieval: false, ...(model === null ? {} : { model }) });
    const work = async () => {
      const attachments = [await readPicture(file, 'file')];
      const [id, conversationId] = [newId('Generation'), newId('Conversation')];
      const options = {
        ...{ task: 'DESCRIBE_IMAGE' as const, model, retrieval: false, filter: null },
        ...{ temperature: null, maxTokens: null },
      };
      return startGeneration(this.#parts, member, async (scope, lease) => {
        const own = { id: conversationId, title: null, persona: null, metadata: {} };
        await insertConversation(scope, own, 'IMAGE');
        return writeQuestion(scope, member, { id, conversationId, text, options, attachments, requestId }, lease);
      });
    };
    return slots.run(member.workspace.id, work, signal);
  }
}
