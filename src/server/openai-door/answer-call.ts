import type { OutgoingHttpHeaders } from 'node:http';
import type { GeneratedAnswer, GenerationInput, GenerationPart } from '../../domain/gateway/generation.ts';
import type { ModelCall } from '../../domain/gateway/model-call.ts';
import { type DoorFailure, doorFailure } from './door-errors.ts';
import { answerFailure, answerJson, type DoorRequest, modelCallOf } from './door-request.ts';
import { EventStream } from './event-stream.ts';
import { withModel } from './model-names.ts';
import { ResumedAnswer } from './resumed-answer.ts';

/** A part of an answer that a client sees. */
export type ShownPart = Extract<GenerationPart, { kind: 'text' | 'reasoning' | 'toolCall' }>;

/** Writes one streamed answer as server-sent events of one of OpenAI's shapes. */
export interface AnswerWriter {
  /** The model that writes from here on. */
  setModel(model: string): void;
  /** What comes before the first part. */
  begin(): string;
  part(part: ShownPart): string;
  /** The last events of a whole answer. */
  end(answer: GeneratedAnswer): string;
  /** The last event of one that is not whole. */
  failure(failure: DoorFailure): string;
}

/** How an answer is told. */
export interface AnswerShape {
  whole(answer: GeneratedAnswer): object;
  writer(): AnswerWriter;
}

/** Asks the gateway for an answer, and tells it. */
export async function answerCall(
  door: DoorRequest,
  { input, stream }: { input: GenerationInput; stream: boolean },
  shape: AnswerShape,
): Promise<void> {
  const call = modelCallOf(door, 'chat');
  if (stream) return streamAnswer(door, call, input, shape.writer());
  const { gateway, models } = door.services;
  const asked = { workspaceId: door.caller.workspace.id, model: input.model };
  const answer = await withModel(models, asked, (model) => gateway.generate(call, { ...input, model }));
  answerJson(door, 200, answerHeaders(answer), shape.whole(answer));
}

function answerHeaders({ model, cached, attempts, costUsd }: GeneratedAnswer): OutgoingHttpHeaders {
  return {
    'x-signalbox-model': model,
    'x-signalbox-cache': cached ? 'HIT' : 'MISS',
    'x-signalbox-attempts': attempts.length,
    ...(costUsd === null ? {} : { 'x-signalbox-cost-usd': costUsd }),
  };
}

async function streamAnswer(
  door: DoorRequest,
  call: ModelCall,
  input: GenerationInput,
  writer: AnswerWriter,
): Promise<void> {
  const { gateway, models } = door.services;
  const client = new AnswerStream(door, writer);
  const asked = { workspaceId: door.caller.workspace.id, model: input.model };
  const opened: { parts?: AsyncIterator<GenerationPart> } = {};
  try {
    // A model that there is not is told by the first part.
    const first = await withModel(models, asked, (model) => {
      opened.parts = gateway.stream(call, { ...input, model })[Symbol.asyncIterator]();
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

/** The parts of one answer, as events to one client. */
class AnswerStream {
  readonly #door: DoorRequest;
  readonly #events: EventStream;
  readonly #writer: AnswerWriter;
  readonly #answer = new ResumedAnswer();
  #model = '';
  #hasBegun = false;
  #ended = false;

  constructor(door: DoorRequest, writer: AnswerWriter) {
    this.#door = door;
    this.#writer = writer;
    this.#events = new EventStream(door.response, () => ({
      'x-request-id': door.requestId,
      'x-signalbox-model': this.#model,
    }));
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
        const events = unsent === null ? '' : this.#beginning() + this.#writer.part(unsent);
        return events === '' ? undefined : this.#events.write(events);
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
    this.#events.fail(this.#writer.failure(doorFailure(error, logger, requestId)));
  }

  /** An answer that just stops is none. */
  expectEnd(): void {
    if (!this.#ended) throw new Error('the answer stopped before its end');
  }

  #complete(answer: GeneratedAnswer): undefined {
    this.#answer.complete();
    this.#setModel(answer.model);
    this.#ended = true;
    this.#events.end(this.#beginning() + this.#writer.end(answer));
  }

  #setModel(model: string): void {
    this.#model = model;
    this.#writer.setModel(model);
  }

  /** What comes before everything else goes out with the first piece: it says nothing by itself. */
  #beginning(): string {
    if (this.#hasBegun) return '';
    this.#hasBegun = true;
    return this.#writer.begin();
  }
}
