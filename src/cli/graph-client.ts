import { EventSourceParserStream } from 'eventsource-parser/stream';
import type { ServerAccess } from './arguments.ts';
import { CliError } from './cli-error.ts';

/** How long the server may take to answer a question. */
const ANSWER_TIMEOUT_MS = 60_000;
/** The server says something every 12 seconds, if only that it is there. */
const SILENCE_TIMEOUT_MS = 45_000;
const MAX_EVENT_CHARACTERS = 1024 * 1024;

export interface GraphAnswer<Data> {
  data?: Data | null;
  errors?: { message: string; extensions?: { code?: string } }[];
}

/** The server does not answer, or not in its right mind: trying again may help. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

/** What an answer brings. @throws CliError where it has errors, UnreachableError where they are the server's own trouble */
export function dataOf<Data>({ data, errors }: GraphAnswer<Data>): Data {
  const [error] = errors ?? [];
  if (error?.extensions?.code === 'UNAVAILABLE') throw new UnreachableError(error.message);
  if (error !== undefined) throw new CliError(error.message);
  if (data == null) throw new UnreachableError('the server answered without data');
  return data;
}

/** The API of a server, with a key. */
export class GraphClient {
  readonly #access: ServerAccess;

  constructor(access: ServerAccess) {
    this.#access = access;
  }

  get endpoint(): string {
    return `${this.#access.url}/graphql`;
  }

  /** What an address in an answer leads to, which may be a path. */
  addressOf(urlOrPath: string): string {
    return new URL(urlOrPath, this.#access.url).href;
  }

  /** What every request has. A key is in a header, so that no log of addresses holds it. */
  get headers(): Record<string, string> {
    return { authorization: `Bearer ${this.#access.key}` };
  }

  /** @throws CliError, UnreachableError */
  async ask<Data>(query: string, variables: object, signal: AbortSignal): Promise<Data> {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]);
    const response = await this.#post({ query, variables }, 'application/json', limited);
    const answer = await response.json().catch(() => {
      signal.throwIfAborted();
      throw new UnreachableError(`${this.endpoint} answered ${response.status}, and not as Signalbox does`);
    });
    return dataOf(answer as GraphAnswer<Data>);
  }

  /**
   * The events of a subscription, until it ends.
   * @throws CliError also where the server is no Signalbox, UnreachableError where the connection is lost
   */
  async *subscribe<Data>(query: string, variables: object, signal: AbortSignal): AsyncGenerator<Data> {
    const silence = new AbortController();
    const timer = setTimeout(() => silence.abort(), SILENCE_TIMEOUT_MS);
    const limited = AbortSignal.any([signal, silence.signal]);
    try {
      const response = await this.#post({ query, variables }, 'text/event-stream', limited);
      if (!response.headers.get('content-type')?.startsWith('text/event-stream')) throw this.#noStream(response.status);
      const parser = new EventSourceParserStream({
        maxBufferSize: MAX_EVENT_CHARACTERS,
        onComment: () => timer.refresh(),
      });
      const events = response.body?.pipeThrough(new TextDecoderStream()).pipeThrough(parser) ?? [];
      for await (const { event, data } of events) {
        timer.refresh();
        if (event === 'complete') return;
        if (event === 'next') yield dataOf(JSON.parse(data) as GraphAnswer<Data>);
      }
    } catch (error) {
      throw this.#explained(error, signal);
    } finally {
      clearTimeout(timer);
    }
    throw new UnreachableError('the connection ended');
  }

  /** Something that stands before a server that is being replaced fails itself; anything else will not change its mind. */
  #noStream(status: number): Error {
    const message = `${this.endpoint} answered ${status}, and not as Signalbox does`;
    return status >= 500 ? new UnreachableError(message) : new CliError(message);
  }

  async #post(body: object, accept: string, signal: AbortSignal): Promise<Response> {
    const headers = { ...this.headers, accept, 'content-type': 'application/json' };
    try {
      return await fetch(this.endpoint, { method: 'POST', headers, body: JSON.stringify(body), signal });
    } catch (error) {
      throw this.#explained(error, signal);
    }
  }

  #explained(error: unknown, signal: AbortSignal): unknown {
    if (signal.aborted || error instanceof CliError || error instanceof UnreachableError) return error;
    const { message, cause } = error as Error;
    return new UnreachableError(
      `${this.endpoint} does not answer: ${cause instanceof Error ? cause.message : message}`,
    );
  }
}
