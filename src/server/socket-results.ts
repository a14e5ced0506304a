import type { ExecutionResult, GraphQLError } from 'graphql';
import { textOfResult } from './result-text.ts';
import type { SubscriberSocket } from './subscriber-sockets.ts';

type Results = AsyncGenerator<ExecutionResult, void>;

/**
 * Sends the results of a subscription itself, each from the text that all who are told the same one share, and no faster
 * than the client reads. To graphql-ws it is a subscription that ends without a result.
 */
export class SocketResults implements AsyncGenerator<ExecutionResult, void> {
  readonly #results: Results;
  readonly #socket: SubscriberSocket;
  readonly #begin: string;
  readonly #clientError: (error: GraphQLError) => GraphQLError;
  #isLeft = false;

  /** @param id of the operation, as the client has named it */
  constructor(
    results: Results,
    id: string,
    socket: SubscriberSocket,
    clientError: (error: GraphQLError) => GraphQLError,
  ) {
    this.#results = results;
    this.#socket = socket;
    this.#begin = `{"id":${JSON.stringify(id)},"type":"next","payload":`;
    this.#clientError = clientError;
  }

  async next(): Promise<IteratorResult<ExecutionResult, void>> {
    for (;;) {
      const { value, done } = await this.#results.next();
      if (done === true || this.#isLeft) break;
      const text = this.#textOf(value);
      const sent =
        typeof text === 'string'
          ? this.#socket.send(`${this.#begin}${text}}`)
          : this.#socket.sendParts([this.#begin, text, '}']);
      if (sent !== null) await sent;
      if (!this.#socket.isOpen) {
        await this.#results.return();
        break;
      }
    }
    return { value: undefined, done: true };
  }

  async return(): Promise<IteratorResult<ExecutionResult, void>> {
    this.#isLeft = true;
    await this.#results.return();
    return { value: undefined, done: true };
  }

  async throw(error: unknown): Promise<IteratorResult<ExecutionResult, void>> {
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #textOf(result: ExecutionResult): string | Buffer {
    if (result.errors === undefined) return textOfResult(result);
    return JSON.stringify({ ...result, errors: result.errors.map((error) => this.#clientError(error).toJSON()) });
  }
}
