import type { Database } from '../../db/client.ts';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import { ConflictError, type InputIssue, InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import { newId } from '../../shared/ids.ts';
import { storableText } from '../../shared/text.ts';
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
import { findConversations, takePositions } from './conversation-store.ts';
import { GENERATIONS_WAITING_TOPIC, type Generation } from './generation.ts';
import type { GenerationRunner } from './generation-runner.ts';
import { findGenerations, insertGeneration, type Lease, type TakenGeneration } from './generation-store.ts';
import type { Message } from './message.ts';
import { readAttachments } from './message-attachments.ts';
import {
  findMessages,
  insertAttachment,
  insertMessage,
  listMessages,
  type MessagePage,
  type NewAttachment,
} from './message-store.ts';

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
  /** @throws NoProviderError where a workspace has no such model that streams */
  checkModel(workspaceId: string, model: string): Promise<void>;
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

/** Takes messages to be answered, and shows them. */
export class MessageService {
  readonly #parts: MessageServiceParts;

  constructor(parts: MessageServiceParts) {
    this.#parts = parts;
  }

  /**
   * Writes a message down with the generation that answers it, and returns before that has begun. The same idempotency
   * key is the same generation.
   * @throws InvalidInputError, NotFoundError (conversation, taxonomy of the filter), NoProviderError (model),
   * ConflictError (another answer of the conversation is not over; idempotency key)
   */
  async send(caller: Caller, input: MessageInput, requestId: string): Promise<Generation> {
    const member = authorize(caller, 'AI_USE');
    checkInput(input);
    const request = requestOf(input);
    const { answer, filter } = await this.#inWorkspace(member, async (scope) => {
      const answer = request === null ? null : await readAnswer<SentAnswer>(scope, request);
      if (answer !== null) return { answer, filter: null };
      const [conversation] = await findConversations(scope, [input.conversationId]);
      if (conversation === undefined) throw new NotFoundError('conversation', input.conversationId);
      return { answer, filter: await resolveDocumentFilter(scope, input.filter) };
    });
    if (answer !== null) return this.#generation(member, answer.generationId);
    if (input.model !== null) await this.#parts.checkModel(member.workspace.id, input.model);
    const attachments = await readAttachments(input.attachments);
    return this.#take(member, { input, filter, attachments, request, requestId });
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

  /** Makes the answer here where there is room; else it waits for the first process that has some. */
  async #take(member: WorkspaceCaller, message: ReadMessage): Promise<Generation> {
    const place = this.#parts.runner.place();
    let taken: TakenGeneration;
    try {
      taken = await this.#inWorkspace(member, (scope) => write(scope, member, message, place?.lease ?? null));
    } catch (error) {
      place?.leave();
      const { request } = message;
      if (!(error instanceof AlreadyAnsweredError) || request === null) throw error;
      const quicker = await this.#inWorkspace(member, (scope) => readAnswer<SentAnswer>(scope, request));
      if (quicker === null) throw error;
      return this.#generation(member, quicker.generationId);
    }
    place?.run(taken);
    return taken;
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

/** @throws NotFoundError, ConflictError, AlreadyAnsweredError */
async function write(
  scope: WorkspaceScope,
  { apiKeyId, userId }: WorkspaceCaller,
  { input, filter, attachments, request, requestId }: ReadMessage,
  lease: Lease | null,
): Promise<TakenGeneration> {
  const { conversationId, model, retrieval, temperature, maxTokens } = input;
  const [id, questionId, messageId] = [newId('Generation'), newId('Message'), newId('Message')];
  // First, so that of many with one key all but one find it taken, and not the conversation busy.
  if (request !== null) await keepAnswer(scope, request, { generationId: id } satisfies SentAnswer);
  const position = await takePositions(scope, conversationId, 2);
  if (position === null) throw new NotFoundError('conversation', conversationId);
  const text = storableText(input.text);
  await insertMessage(scope, { id: questionId, conversationId, position, role: 'USER', text });
  await insertMessage(scope, { id: messageId, conversationId, position: position + 1, role: 'ASSISTANT', text: '' });
  for (const [index, attachment] of attachments.entries()) {
    await insertAttachment(scope, questionId, index + 1, attachment);
  }
  const options = { model, retrieval, filter, temperature, maxTokens };
  const row = { id, conversationId, questionId, messageId, options, apiKeyId, userId, requestId };
  const generation = await insertGeneration(scope, row, lease);
  if (generation === null) {
    throw new ConflictError(
      'an answer of this conversation is still being written: wait for its end, or stop it with stopGeneration',
    );
  }
  if (lease === null) scope.ring(GENERATIONS_WAITING_TOPIC);
  return generation;
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

/** The content of files is not read for it: a second one with the key is not read at all. */
function requestOf({ idempotencyKey, attachments, ...input }: MessageInput): IdempotentRequest | null {
  if (idempotencyKey === null) return null;
  return idempotentRequest('sendMessage', idempotencyKey, { ...input, attachments: attachments.length });
}
