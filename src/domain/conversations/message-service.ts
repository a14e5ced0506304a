import type { Database } from '../../db/client.ts';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import { type InputIssue, InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import { newId } from '../../shared/ids.ts';
import type { Upload } from '../../shared/upload.ts';
import { authorize, type Caller, type WorkspaceCaller } from '../access/caller.ts';
import {
  AlreadyAnsweredError,
  type IdempotentRequest,
  idempotentRequest,
  keepAnswer,
  readAnswer,
} from '../caching/idempotent-answers.ts';
import { resolveDocumentFilter } from '../classification/classification-filter.ts';
import type { DocumentFilter } from '../documents/document.ts';
import type { ModelCall } from '../gateway/model-call.ts';
import type { UploadSlots } from '../imports/upload-slots.ts';
import type { AnswerMaker, ExpectedQuestion } from './answer.ts';
import { findConversations } from './conversation-store.ts';
import type { Generation } from './generation.ts';
import type { GenerationRunner } from './generation-runner.ts';
import { startGeneration, writeQuestion } from './generation-start.ts';
import { findGenerations } from './generation-store.ts';
import type { Message } from './message.ts';
import { checkAttachments, readAttachments } from './message-attachments.ts';
import { findMessages, listMessages, type MessagePage, type NewAttachment } from './message-store.ts';

const TEXT_MAX_CHARACTERS = 100_000;
const TEMPERATURE_MAX = 2;
const TOKENS_MAX = 1_000_000;

export interface MessageInput {
  conversationId: string;
  text: string;
  /** `<integration>/<model>`; null: the workspace's choice. */
  model: string | null;
  retrieval: boolean;
  filter: DocumentFilter | null;
  temperature: number | null;
  maxTokens: number | null;
  attachments: readonly Upload[];
  idempotencyKey: string | null;
}

export interface MessageServiceParts {
  database: Database;
  runner: GenerationRunner;
  /** What will answer. */
  maker: AnswerMaker;
  /** Bounds the files in memory. */
  slots: UploadSlots;
}

/** What a message is answered with; the generation is read when it is asked for. */
interface SentAnswer {
  generationId: string;
}

/** A message that may be written down. */
interface ReadMessage {
  input: MessageInput;
  filter: DocumentFilter | null;
  attachments: readonly NewAttachment[];
  request: IdempotentRequest | null;
  requestId: string;
}

/** The request that a message came with. */
export type MessageOrigin = Pick<ModelCall, 'requestId' | 'signal'>;

/** Takes messages to be answered, and shows them. */
export class MessageService {
  readonly #parts: MessageServiceParts;

  constructor(parts: MessageServiceParts) {
    this.#parts = parts;
  }

  /**
   * Writes a message down with the generation that answers it, and returns before that has begun. The same idempotency
   * key is the same generation.
   * @throws InvalidInputError, NotFoundError (conversation, taxonomy of the filter), ConflictError (another answer of the
   * conversation is not over; idempotency key), as `AnswerMaker.check`
   */
  async send(caller: Caller, input: MessageInput, { requestId, signal }: MessageOrigin): Promise<Generation> {
    const member = authorize(caller, 'AI_USE');
    checkInput(input);
    checkAttachments(input.attachments);
    const request = requestOf(input);
    const { answer, filter } = await this.#inWorkspace(member, async (scope) => {
      const answer = request === null ? null : await readAnswer<SentAnswer>(scope, request);
      if (answer !== null) return { answer, filter: null };
      const [conversation] = await findConversations(scope, [input.conversationId]);
      if (conversation === undefined) throw new NotFoundError('conversation', input.conversationId);
      return { answer, filter: await resolveDocumentFilter(scope, input.filter) };
    });
    if (answer !== null) return this.#generation(member, answer.generationId);
    const call: ModelCall = { caller: member, operation: 'chat', requestId, signal, tally: null };
    await this.#parts.maker.check(call, expectedOf(input));
    const sent = { input, filter, request, requestId };
    if (input.attachments.length === 0) return this.#take(member, { ...sent, attachments: [] });
    const work = async () => this.#take(member, { ...sent, attachments: await readAttachments(input.attachments) });
    return this.#parts.slots.run(member.workspace.id, work, signal);
  }

  /** Messages by id, in no order; those that are not there are left out. */
  async find(caller: Caller, ids: readonly string[]): Promise<Message[]> {
    const member = authorize(caller, 'DOCUMENTS_READ');
    return this.#inWorkspace(member, (scope) => findMessages(scope, ids));
  }

  /** In the order of the conversation. */
  async list(caller: Caller, conversationId: string, page: MessagePage): Promise<Message[]> {
    const member = authorize(caller, 'DOCUMENTS_READ');
    return this.#inWorkspace(member, (scope) => listMessages(scope, conversationId, page));
  }

  async #take(member: WorkspaceCaller, message: ReadMessage): Promise<Generation> {
    const { input, filter, attachments, request, requestId } = message;
    const { conversationId, text, model, retrieval, temperature, maxTokens } = input;
    const id = newId('Generation');
    const options = { model, retrieval, filter, temperature, maxTokens };
    try {
      return await startGeneration(this.#parts, member, async (scope, lease) => {
        // First, so that of many with one key all but one find it taken, and not the conversation busy.
        if (request !== null) await keepAnswer(scope, request, { generationId: id } satisfies SentAnswer);
        return writeQuestion(scope, member, { id, conversationId, text, options, attachments, requestId }, lease);
      });
    } catch (error) {
      if (!(error instanceof AlreadyAnsweredError) || request === null) throw error;
      const quicker = await this.#inWorkspace(member, (scope) => readAnswer<SentAnswer>(scope, request));
      if (quicker === null) throw error;
      return this.#generation(member, quicker.generationId);
    }
  }

  async #generation(member: WorkspaceCaller, id: string): Promise<Generation> {
    const [generation] = await this.#inWorkspace(member, (scope) => findGenerations(scope, [id]));
    if (generation === undefined) throw new NotFoundError('generation', id);
    return generation;
  }

  #inWorkspace<Result>(
    { workspace }: WorkspaceCaller,
    work: (scope: WorkspaceScope) => Promise<Result>,
  ): Promise<Result> {
    return this.#parts.database.withWorkspace(workspace.id, work);
  }
}

function checkInput({ text, temperature, maxTokens }: MessageInput): void {
  const issues: InputIssue[] = [];
  if (text.trim() === '') issues.push({ path: ['text'], message: 'must say something' });
  if (text.length > TEXT_MAX_CHARACTERS) {
    issues.push({ path: ['text'], message: `may have ${TEXT_MAX_CHARACTERS} characters, and has ${text.length}` });
  }
  if (temperature !== null && !(temperature >= 0 && temperature <= TEMPERATURE_MAX)) {
    issues.push({ path: ['temperature'], message: `must be 0 to ${TEMPERATURE_MAX}` });
  }
  if (maxTokens !== null && (maxTokens < 1 || maxTokens > TOKENS_MAX)) {
    issues.push({ path: ['maxTokens'], message: `must be 1 to ${TOKENS_MAX}` });
  }
  if (issues.length > 0) throw new InvalidInputError(issues);
}

function expectedOf({ text, model, retrieval, maxTokens, attachments }: MessageInput): ExpectedQuestion {
  return {
    ...{ text, retrieval, pictures: attachments.length },
    ...(model === null ? {} : { model }),
    ...(maxTokens === null ? {} : { maxTokens }),
  };
}

/** The content of files is not read for it: a second one with the key is not read at all. */
function requestOf({ idempotencyKey, attachments, ...input }: MessageInput): IdempotentRequest | null {
  if (idempotencyKey === null) return null;
  return idempotentRequest('sendMessage', idempotencyKey, { ...input, attachments: attachments.length });
}
