import type { Database } from '../../db/client.ts';
import { type InputIssue, InvalidInputError } from '../../shared/errors.ts';
import { newId } from '../../shared/ids.ts';
import type { JsonObject } from '../../shared/json.ts';
import { storableJson, storableText } from '../../shared/text.ts';
import { authorize, type Caller } from '../access/caller.ts';
import type { Conversation } from './conversation.ts';
import { findConversations, insertConversation, listConversations } from './conversation-store.ts';

const TITLE_MAX_CHARACTERS = 500;
const PERSONA_MAX_CHARACTERS = 10_000;
const METADATA_MAX_BYTES = 64 * 1024;

export interface ConversationInput {
  title: string | null;
  persona: string | null;
  metadata: JsonObject | null;
}

/** Begins conversations, and shows them. */
export class ConversationService {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** @throws InvalidInputError */
  async create(caller: Caller, input: ConversationInput): Promise<Conversation> {
    const { workspace } = authorize(caller, 'AI_USE');
    checkInput(input);
    const row = {
      id: newId('Conversation'),
      title: input.title === null ? null : storableText(input.title),
      persona: input.persona === null ? null : storableText(input.persona),
      metadata: storableJson(input.metadata ?? {}),
    };
    return this.#database.withWorkspace(workspace.id, (scope) => insertConversation(scope, row));
  }

  /** Conversations by id, in no order; those that are not there are left out. */
  async find(caller: Caller, ids: readonly string[]): Promise<Conversation[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    return this.#database.withWorkspace(workspace.id, (scope) => findConversations(scope, ids));
  }

  /** Newest first. */
  async list(caller: Caller, page: { limit: number; after: string | null }): Promise<Conversation[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    return this.#database.withWorkspace(workspace.id, (scope) => listConversations(scope, page));
  }
}

function checkInput({ title, persona, metadata }: ConversationInput): void {
  const issues: InputIssue[] = [];
  if (title !== null && title.length > TITLE_MAX_CHARACTERS) {
    issues.push({ path: ['title'], message: `may have ${TITLE_MAX_CHARACTERS} characters` });
  }
  if (persona !== null && persona.length > PERSONA_MAX_CHARACTERS) {
    issues.push({ path: ['persona'], message: `may have ${PERSONA_MAX_CHARACTERS} characters` });
  }
  if (metadata !== null && Buffer.byteLength(JSON.stringify(metadata)) > METADATA_MAX_BYTES) {
    issues.push({ path: ['metadata'], message: `may have ${METADATA_MAX_BYTES / 1024} kB` });
  }
  if (issues.length > 0) throw new InvalidInputError(issues);
}
