import type { OutgoingHttpHeaders } from 'node:http';
import type { GeneratedAnswer, GenerationPart } from '../../domain/gateway/generation.ts';
import type { ModelCall } from '../../domain/gateway/model-call.ts';
import { ChunkWriter, chatCompletion, newCompletion } from './chat-answer.ts';
import { type ChatRequest, parseChatRequest } from './chat-request.ts';
import { doorFailure } from './door-errors.ts';
import { answerFailure, answerJson, type DoorRequest, modelCallOf } from './door-request.ts';
import { EventStream } from './event-stream.ts';
import type { Fields } from './field-reading.ts';
import { withModel } from './model-names.ts';
import { ResumedAnswer } from './resumed-answer.ts';

/** `POST /v1/chat/completions` */
export async function chatCompletions(door: DoorRequest, body: Fields): Promise<void> {
  const chat = parseChatRequest(body, door.request.headers);
  const call = modelCallOf(door, 'chat');
  if (chat.stream) return streamAnswer(door, call, chat);
  const { gateway, models } = door.services;
  const asked = { workspaceId: door.caller.workspace.id, model: chat.input.model };
  const answer = await withModel(models, asked, (model) => gateway.generate(call, { ...chat.input, model }));
  answerJson(door.response, 200, answerHeaders(answer), chatCompletion(newCompletion(), answer));
}

function answerHeaders({ model, cached, attempts, costUsd }: GeneratedAnswer): OutgoingHttpHeaders {
  return {
    'x-signalbox-model': model,
    'x-signalbox-cache': cached ? 'HIT' : 'MISS',
    'x-signalbox-attempts': attempts.length,
    ...(costUsd === null ? {} : { 'x-signalbox-cost-usd': costUsd }),
  };
}

async function streamAnswer(door: DoorRequest, call: ModelCall, chat: ChatRequest): Promise<void> {
  const { gateway, models } = door.services;
  const client = new AnswerStream(door, chat.includeUsage);
  const asked = { workspaceId: door.caller.workspace.id, model: chat.input.model };
  const opened: { parts?: AsyncIterator<GenerationPart> } = {};
  try {
    // A model that there is not is told by the first part.
    const first = await withModel(models, asked, (model) => {
      opened.parts = gateway.stream(call, { ...chat.input, model })[Symbol.asyncIterator]();
      return opened.parts.next();
    });
    for (let next: typeof first | undefined = first; next?.done === false; next = await opened.parts?.next()) {
      const slow = client.take(next.value);
      if (slow !== undefined) await slow;
    }
    client.expectEnd();
  } catch (error) {
    client.fail(error);
    await opened.parts?.return?.();
  }
}

/** The parts of one answer, as chunks to one client. */
class AnswerStream {
  readonly #door: DoorRequest;
  readonly #events: EventStream;
  readonly #chunks: ChunkWriter;
  readonly #answer = new ResumedAnswer();
  #model = '';
  #hasRole = false;
  #ended = false;

  constructor(door: DoorRequest, includeUsage: boolean) {
    this.#door = door;
    this.#chunks = new ChunkWriter(newCompletion(), includeUsage);
    this.#events = new EventStream(door.response, () => ({ 'x-signalbox-model': this.#model }));
  }

  /**
   * @returns a promise to wait for, where the client is slow
   * @throws GenerationRestartedError
   */
  take(part: GenerationPart): Promise<void> | undefined {
    switch (part.kind) {
      case 'started':
        this.#setModel(part.model);
        return undefined;
      case 'restarted':
        this.#setModel(part.toModel);
        this.#answer.restart();
        return undefined;
      case 'completed':
        return this.#complete(part.answer);
      default: {
        const unsent = this.#answer.take(part);
        return unsent === null ? undefined : this.#events.write(this.#withRole(this.#chunks.part(unsent)));
      }
    }
  }

  /** A client that has the headers is told by an event, and by the end of the connection without `[DONE]`. */
  fail(error: unknown): void {
    const { response, logger, requestId } = this.#door;
    if (response.destroyed || this.#ended) return;
    if (!this.#events.opened) {
      this.#events.abandon();
      answerFailure(this.#door, error);
      return;
    }
    this.#events.fail(`data: ${JSON.stringify(doorFailure(error, logger, requestId).body)}\n\n`);
  }

  /** An answer that just stops is none. */
  expectEnd(): void {
    if (!this.#ended) throw new Error('the answer stopped before its end');
  }

  #complete(answer: GeneratedAnswer): undefined {
    this.#answer.complete();
    this.#setModel(answer.model);
    this.#ended = true;
    this.#events.end(this.#withRole(this.#chunks.end(answer)));
  }

  #setModel(model: string): void {
    this.#model = model;
    this.#chunks.setModel(model);
  }

  /** The chunk that says who speaks goes out with the first one that says something. */
  #withRole(chunk: string): string {
    if (this.#hasRole) return chunk;
    this.#hasRole = true;
    return this.#chunks.role() + chunk;
  }
}
