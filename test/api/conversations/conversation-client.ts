import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWsClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import type { Answer } from '../server-harness.ts';

/** An event of a generation; what is not of its type is absent. */
export interface ToldEvent {
  __typename: string;
  seq: number;
  generationId: string;
  text: string;
  model: string;
  reason: string;
  fromModel: string;
  toModel: string;
  code: string;
  failure: string;
  stopped: boolean;
  message: { id: string; text: string };
  usage: { inputTokens: number; outputTokens: number; costUsd: string | null };
}

/** A `Generation`, or a typed error. */
export interface GenerationResult {
  __typename: string;
  id: string;
  status: string;
  text: string;
  model: string | null;
  lastSeq: number;
  usage: { inputTokens: number; outputTokens: number; costUsd: string | null };
  attempts: { model: string; outcome: string }[];
  message: { id: string; text: string };
  code: string;
  errorMessage: string;
}

export const GENERATION = `id status text model lastSeq usage { inputTokens outputTokens costUsd }
  attempts { model outcome } message { id text }`;

export const FOLLOW = /* GraphQL */ `
  subscription ($id: ID!, $after: Int) {
    generation(id: $id, after: $after) {
      __typename
      seq
      generationId
      ... on GenerationStarted { model }
      ... on TextDelta { text }
      ... on GenerationRestarted { reason fromModel toModel }
      ... on GenerationFailed { code failure: message }
      ... on GenerationCompleted { stopped message { id text } usage { inputTokens outputTokens costUsd } }
    }
  }
`;

type Results = AsyncIterableIterator<{ data?: unknown; errors?: readonly unknown[] }>;

/** Where a server is asked. */
export interface ServerAddress {
  url: string;
  query<Data>(document: string, variables?: object, options?: { key?: string }): Promise<Answer<Data>>;
}

/** Follows one generation on a connection of its own. */
export interface Follower {
  /** Null: the subscription is over. */
  next(): Promise<ToldEvent | null>;
  rest(): Promise<ToldEvent[]>;
  leave(): Promise<void>;
}

/** Each follower has a connection of its own. */
export function follow(
  url: string,
  key: string,
  id: string,
  { after = 0, over = 'WebSocket' }: { after?: number; over?: 'WebSocket' | 'SSE' } = {},
): Follower {
  const client =
    over === 'SSE'
      ? createSseClient({ url: `${url}/graphql`, retryAttempts: 0, headers: { authorization: `Bearer ${key}` } })
      : createWsClient({
          url: `${url.replace('http', 'ws')}/graphql`,
          webSocketImpl: WebSocket,
          retryAttempts: 0,
          connectionParams: { authorization: `Bearer ${key}` },
        });
  const results = client.iterate({ query: FOLLOW, variables: { id, after } }) as Results;
  const next = async () => {
    const { value, done } = await results.next();
    if (done) return null;
    if (value.errors !== undefined) throw Object.assign(new Error('refused'), { errors: value.errors });
    return (value.data as { generation: ToldEvent }).generation;
  };
  return {
    next,
    rest: async () => {
      const told: ToldEvent[] = [];
      for (let event = await next(); event !== null; event = await next()) told.push(event);
      await client.dispose();
      return told;
    },
    leave: async () => {
      await results.return?.();
      await client.dispose();
    },
  };
}

/** The text that events add up to. */
export function joined(events: readonly ToldEvent[]): string {
  let text = '';
  for (const event of events) {
    if (event.__typename === 'GenerationRestarted') text = '';
    if (event.__typename === 'TextDelta') text += event.text;
  }
  return text;
}

/** What a workspace does with conversations, at any server. */
export class ConversationClient {
  readonly #server: ServerAddress;
  readonly key: string;

  constructor(server: ServerAddress, key: string) {
    this.#server = server;
    this.key = key;
  }

  async read<Data>(document: string, variables: object = {}): Promise<Data> {
    const { body } = await this.#server.query<Data>(document, variables, { key: this.key });
    if (body.errors !== undefined || body.data == null) throw new Error(`refused: ${JSON.stringify(body)}`);
    return body.data;
  }

  async create(input: object = {}): Promise<string> {
    const { createConversation } = await this.read<{ createConversation: { id: string } }>(
      `mutation ($input: CreateConversationInput!) {
        createConversation(input: $input) { ... on Conversation { id } ... on Error { message } }
      }`,
      { input },
    );
    return createConversation.id;
  }

  async send(conversationId: string, text: string, input: object = {}): Promise<GenerationResult> {
    const { sendMessage } = await this.read<{ sendMessage: GenerationResult }>(
      `mutation ($input: SendMessageInput!) {
        sendMessage(input: $input) {
          __typename ... on Generation { ${GENERATION} } ... on Error { code errorMessage: message }
        }
      }`,
      { input: { conversationId, text, model: 'local/writer', retrieval: false, ...input } },
    );
    return sendMessage;
  }

  async stop(id: string): Promise<GenerationResult> {
    const { stopGeneration } = await this.read<{ stopGeneration: GenerationResult }>(
      `mutation ($input: StopGenerationInput!) {
        stopGeneration(input: $input) {
          __typename ... on Generation { ${GENERATION} } ... on Error { code errorMessage: message }
        }
      }`,
      { input: { id } },
    );
    return stopGeneration;
  }

  async generation(id: string): Promise<GenerationResult> {
    const document = `query ($id: ID!) { node(id: $id) { ... on Generation { ${GENERATION} } } }`;
    return (await this.read<{ node: GenerationResult }>(document, { id })).node;
  }

  follow(id: string, options: { after?: number; over?: 'WebSocket' | 'SSE' } = {}): Follower {
    return follow(this.#server.url, this.key, id, options);
  }
}
