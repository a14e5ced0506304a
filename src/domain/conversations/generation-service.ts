import type { Database } from '../../db/client.ts';
import { followLog } from '../../db/follow-log.ts';
import { InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import { authorize, type Caller } from '../access/caller.ts';
import { type Generation, type GenerationEvent, generationStopTopic, generationTopic, isOver } from './generation.ts';
import { readTextSoFar } from './generation-log-store.ts';
import { endGeneration, findGenerations, findGenerationsOf, requestStop, takeWaiting } from './generation-store.ts';
import { GenerationTail, isAllOf, readPage } from './generation-tail.ts';
import type { Message } from './message.ts';
import { deleteAttachments, findMessages, storeAnswerText } from './message-store.ts';

/** How long a stop waits for the server that writes the answer; where that is lost, another one ends it later. */
const STOP_WAIT_MS = 6_000;
/** Of a generation that waited for room when it was stopped. */
const STOP_LEASE = { owner: 'stop', seconds: 5 };

/** Shows the making of answers, and ends it. */
export class GenerationService {
  readonly #database: Database;
  /** Of the generations that somebody follows here. */
  readonly #tails = new Map<string, GenerationTail>();
  readonly #lookups = new Map<string, Promise<Generation | undefined>>();
  /** The message that an end tells of, read once for all who follow. */
  readonly #messages = new WeakMap<GenerationEvent, Promise<Message>>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Generations by id, in no order; those that are not there are left out. */
  async find(caller: Caller, ids: readonly string[]): Promise<Generation[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    return this.#database.withWorkspace(workspace.id, (scope) => findGenerations(scope, ids));
  }

  /** The generations whose answers these messages are, in no order. */
  async findOf(caller: Caller, messageIds: readonly string[]): Promise<Generation[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    return this.#database.withWorkspace(workspace.id, (scope) => findGenerationsOf(scope, messageIds));
  }

  /** What each of these has said so far, in their order: the answer's text, or as much of it as is told. */
  async texts(caller: Caller, generations: readonly Generation[]): Promise<string[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    return this.#database.withWorkspace(workspace.id, async (scope) => {
      const told = await readTextSoFar(
        scope,
        generations.filter((generation) => !isOver(generation)).map(({ id }) => id),
      );
      // Read after what is told: what ends meanwhile has its text here.
      const answers = await findMessages(
        scope,
        generations.map(({ messageId }) => messageId),
      );
      const texts = new Map(answers.map(({ id, text }) => [id, text]));
      return generations.map(({ id, messageId }) => texts.get(messageId) || told.get(id) || '');
    });
  }

  /**
   * Ends the making of an answer, on whichever server it is made: what there is of it is kept, and what was used is
   * billed. One that is over is given as it is.
   * @throws NotFoundError
   */
  async stop(caller: Caller, id: string): Promise<Generation> {
    const { workspace } = authorize(caller, 'AI_USE');
    const isMade = await this.#database.withWorkspace(workspace.id, async (scope) => {
      const asked = await requestStop(scope, id);
      if (asked === null) throw new NotFoundError('generation', id);
      if (asked.isMade) scope.ring(generationStopTopic(workspace.id, id));
      return asked.isMade;
    });
    if (!isMade) await this.#stopWaiting(workspace.id, id);
    await this.#waitForEnd(workspace.id, id);
    const [generation] = await this.find(caller, [id]);
    if (generation === undefined) throw new NotFoundError('generation', id);
    return generation;
  }

  /**
   * What happens to an answer behind the event `after`, up to the one that ends it. Where the log has not got as far as
   * `after`, from where it is; of one that is over, its end. Leaving does not stop it.
   * @throws NotFoundError, InvalidInputError
   */
  async follow(
    caller: Caller,
    id: string,
    after: number,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<GenerationEvent, void>> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    if (after < 0) throw InvalidInputError.at('after', 'must be 0 or more');
    const key = `${workspace.id} ${id}`;
    let tail = this.#tails.get(key);
    if (tail === undefined || after > 0) {
      const generation = await (after === 0 ? this.#lookUp(key, caller, id) : this.#find(caller, id));
      if (generation === undefined) throw new NotFoundError('generation', id);
      const { lastSeq } = generation;
      if (isOver(generation)) return this.#told(workspace.id, id, after > lastSeq ? lastSeq - 1 : after, signal);
      tail = this.#tails.get(key) ?? this.#openTail(key, { workspaceId: workspace.id, id });
      if (after > lastSeq) return tail.follow(lastSeq, signal);
    }
    return tail.follow(after, signal);
  }

  /** The message that the end of a generation tells of. */
  messageOf(caller: Caller, event: GenerationEvent & { kind: 'COMPLETED' }): Promise<Message> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    const known = this.#messages.get(event);
    if (known !== undefined) return known;
    const { messageId } = event.data;
    const reading = this.#database
      .withWorkspace(workspace.id, (scope) => findMessages(scope, [messageId]))
      .then(([message]) => {
        if (message === undefined) throw new NotFoundError('message', messageId);
        return message;
      });
    this.#messages.set(event, reading);
    reading.catch(() => this.#messages.delete(event));
    return reading;
  }

  async #find(caller: Caller, id: string): Promise<Generation | undefined> {
    return (await this.find(caller, [id]))[0];
  }

  /** Once for all who come while it is looked up. It may be older than the event that a follower has seen already. */
  #lookUp(key: string, caller: Caller, id: string): Promise<Generation | undefined> {
    const known = this.#lookups.get(key);
    if (known !== undefined) return known;
    const lookup = this.#find(caller, id).finally(() => this.#lookups.delete(key));
    this.#lookups.set(key, lookup);
    return lookup;
  }

  #openTail(key: string, generation: { workspaceId: string; id: string }): GenerationTail {
    const tail: GenerationTail = new GenerationTail(this.#database, generation, 0, () => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    });
    this.#tails.set(key, tail);
    return tail;
  }

  /** The log of one that is over. */
  #told(workspaceId: string, id: string, after: number, signal: AbortSignal): AsyncGenerator<GenerationEvent, void> {
    return followLog({
      bus: this.#database.bus,
      topic: generationTopic(workspaceId, id),
      position: after,
      signal,
      read: async (position) => {
        const read = await readPage(this.#database, workspaceId, id, position);
        if (read === null) return { entries: [], position, hasMore: false, isOver: true };
        const { events } = read;
        const isOver = isAllOf(read);
        return { entries: events, position: events.at(-1)?.seq ?? position, hasMore: !isOver, isOver };
      },
    });
  }

  /** Ends one that nobody has begun to make, or that was given up. */
  async #stopWaiting(workspaceId: string, id: string): Promise<void> {
    await this.#database.withWorkspace(workspaceId, async (scope) => {
      const taken = await takeWaiting(scope, id, STOP_LEASE);
      if (taken === null) return;
      const { claim, lastSeq, messageId, questionId, options, attempts, usage, model } = taken;
      const text = (await readTextSoFar(scope, [id])).get(id) ?? '';
      await storeAnswerText(scope, { messageId, text, language: null, citations: [], model });
      if (options.task === 'DESCRIBE_IMAGE') await deleteAttachments(scope, questionId);
      await endGeneration(
        scope,
        { id, claim, seq: lastSeq },
        {
          ...{ status: 'STOPPED', attempts, usage },
          entries: [{ kind: 'COMPLETED', data: { messageId, usage, stopped: true } }],
        },
      );
    });
  }

  async #waitForEnd(workspaceId: string, id: string): Promise<void> {
    const looks = followLog({
      bus: this.#database.bus,
      topic: generationTopic(workspaceId, id),
      position: null,
      signal: AbortSignal.timeout(STOP_WAIT_MS),
      read: async () => {
        const [generation] = await this.#database.withWorkspace(workspaceId, (scope) => findGenerations(scope, [id]));
        const isDone = generation === undefined || isOver(generation);
        return { entries: [], position: null, hasMore: false, isOver: isDone };
      },
    });
    await looks.next();
  }
}
