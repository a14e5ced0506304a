import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../db/client.ts';
import { isDatabaseUnavailable } from '../../db/failures.ts';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import type { Logger } from '../../observability/logger.ts';
import { DomainError, UnavailableError } from '../../shared/errors.ts';
import { storableJson, storableText } from '../../shared/text.ts';
import { waitFor } from '../../shared/wait-for.ts';
import type { WorkspaceCaller } from '../access/caller.ts';
import { STORED_FILTER } from '../documents/process-payload.ts';
import { ProviderFailedError } from '../gateway/errors.ts';
import type { Attempt } from '../gateway/generation.ts';
import type { ModelCall } from '../gateway/model-call.ts';
import { warmTokenCounting } from '../usage/token-count.ts';
import type {
  AnswerCompletion,
  AnswerMaker,
  AnswerPart,
  AnswerQuestion,
  GenerationTask,
  UsageAmount,
} from './answer.ts';
import { type AnswerFindings, findCaller } from './answer-findings.ts';
import { generationStopTopic, type LogEnd } from './generation.ts';
import { GenerationLog, whileAway } from './generation-log.ts';
import { readTextSoFar } from './generation-log-store.ts';
import {
  appendEntries,
  endGeneration,
  isStopRequested,
  LeaseLostError,
  type LogPlace,
  releaseGeneration,
  type TakenGeneration,
} from './generation-store.ts';
import { addUsage, GenerationTally } from './generation-usage.ts';
import { deleteAttachments, listAttachments, storeAnswerText } from './message-store.ts';

/** Of one answer: no model writes that much, and a provider that does not end has to be ended. */
const MAX_CHARACTERS = 1_000_000;
/** Takes of one answer: the servers of two were lost with it, and it may be why. */
const MAX_TRIES = 2;
/** How long the count of what a stopped answer has used may take: everybody who watches waits for it. */
const COUNT_MS = 75;
/** How long a provider is waited for that was told to stop, and what was done before it. */
const STOP_MS = 5_000;
/** A failure's message is shown in every log. */
const MESSAGE_MAX_CHARACTERS = 2_000;

export interface GenerationRunParts {
  database: Database;
  logger: Logger;
  makers: Readonly<Record<GenerationTask, AnswerMaker>>;
  findings: AnswerFindings;
}

/** Why the making of an answer was ended from outside. */
class Ended extends Error {
  override readonly name = 'Ended';
  readonly reason: 'stopped' | 'handed over' | 'lost';

  constructor(reason: Ended['reason']) {
    super(`the answer was ${reason}`);
    this.reason = reason;
  }
}

/** A provider wrote more than any answer has. */
class AnswerTooLongError extends DomainError {
  override readonly name = 'AnswerTooLongError';
  readonly code = 'PROVIDER_FAILED';

  constructor() {
    super(
      `the provider wrote more than ${MAX_CHARACTERS.toLocaleString('en-US')} characters and was cut off; set maxTokens`,
    );
  }
}

type Outcome =
  | { status: 'COMPLETED'; completion: AnswerCompletion }
  | { status: 'STOPPED' }
  | { status: 'FAILED'; error: unknown };

/** One take of a generation by this process, from where an earlier one has left it to its end. */
export class GenerationRun {
  readonly #parts: GenerationRunParts;
  readonly #taken: TakenGeneration;
  readonly #ending = new AbortController();
  /** Aborted when the process closes. */
  readonly #closing = new AbortController();
  readonly #tally = new GenerationTally();
  #characters = 0;
  /** The model whose text stands in the log. */
  #model: string | null;

  constructor(parts: GenerationRunParts, taken: TakenGeneration) {
    this.#parts = parts;
    this.#taken = taken;
    this.#model = taken.model;
  }

  get id(): string {
    return this.#taken.id;
  }

  /** Somebody wants no more of the answer: what there is of it is kept. */
  stop(): void {
    this.#ending.abort(new Ended('stopped'));
  }

  /** Leaves the answer to another process, unless it is at its end. */
  handOver(): void {
    this.#ending.abort(new Ended('handed over'));
    this.#closing.abort();
  }

  /** Never throws: what could not be ended is taken over by another process when its lease is over. */
  async run(): Promise<void> {
    const lookBack = await this.#make();
    await lookBack?.();
  }

  /** @returns what is to be done once the answer is over; null: nothing */
  async #make(): Promise<(() => Promise<void>) | null> {
    const { database, logger } = this.#parts;
    const { workspaceId, id } = this.#taken;
    const stopListening = database.bus.listen(generationStopTopic(workspaceId, id), () => this.#lookForStop());
    try {
      const caller = await whileAway(() => findCaller(this.#parts.database, this.#taken));
      return caller === null ? null : await this.#makeFor(caller);
    } catch (error) {
      if (!(error instanceof LeaseLostError)) {
        logger.error({ err: error, generationId: id }, 'an answer could not be ended; another try follows');
      }
      return null;
    } finally {
      stopListening();
      this.#ending.abort(new Ended('lost'));
    }
  }

  async #makeFor(caller: WorkspaceCaller): Promise<(() => Promise<void>) | null> {
    const log = await this.#openLog();
    const outcome = await this.#outcome(caller, log);
    if (outcome === null) {
      await log.close();
      if ((this.#ending.signal.reason as Ended).reason === 'handed over') await this.#release();
      return null;
    }
    await this.#end(log, outcome);
    if (outcome.status !== 'COMPLETED' || this.#task !== 'CHAT') return null;
    return () => this.#postProcess(caller, log.text, outcome.completion);
  }

  /** Null where the answer is left to others. */
  async #outcome(caller: WorkspaceCaller, log: GenerationLog): Promise<Outcome | null> {
    const { stopRequestedAt, tries } = this.#taken;
    if (stopRequestedAt !== null) return { status: 'STOPPED' };
    if (tries > MAX_TRIES)
      return {
        status: 'FAILED',
        error: new UnavailableError('the servers that wrote this answer were lost; send the message again'),
      };
    try {
      return { status: 'COMPLETED', completion: await this.#answer(caller, log) };
    } catch (error) {
      const ended = this.#ending.signal.reason;
      if (!(ended instanceof Ended)) return { status: 'FAILED', error };
      return ended.reason === 'stopped' ? { status: 'STOPPED' } : null;
    } finally {
      // Whatever became of it, no provider writes on.
      if (!this.#ending.signal.aborted) this.#ending.abort(new Ended('lost'));
    }
  }

  async #answer(caller: WorkspaceCaller, log: GenerationLog): Promise<AnswerCompletion> {
    const call = { ...this.#call(caller, this.#ending.signal, this.#tally), countWithinMs: COUNT_MS };
    // Where it is stopped, its tokens are to be counted at once.
    warmTokenCounting();
    const parts = this.#parts.makers[this.#task].answer(call, await this.#question());
    const { signal } = this.#ending;
    try {
      for (;;) {
        const { value, done } = await waitFor(parts.next(), signal);
        if (done === true) throw new Error('an answer has ended without its last part');
        if (value.kind === 'completed') {
          await this.#tellRest(log, value);
          return value;
        }
        await waitFor(this.#tell(log, value), signal);
      }
    } catch (error) {
      // What was used is known when the provider has been left.
      const left = parts.return().catch(() => undefined);
      await Promise.race([left, sleep(STOP_MS, undefined, { ref: false })]);
      throw error;
    }
  }

  async #tell(log: GenerationLog, part: Exclude<AnswerPart, AnswerCompletion>): Promise<void> {
    switch (part.kind) {
      case 'started':
        return this.#tellStart(log, part.model);
      case 'restarted': {
        const { fromModel, toModel } = part;
        this.#characters = 0;
        this.#model = toModel;
        const reason = storableText(part.reason).slice(0, MESSAGE_MAX_CHARACTERS).toWellFormed();
        return log.add({ kind: 'RESTARTED', data: { reason, fromModel, toModel } });
      }
      case 'text':
        this.#count(part.text.length);
        return part.text === '' ? undefined : log.add({ kind: 'TEXT', data: { text: part.text } });
      case 'toolCall': {
        const data = storableJson({ tool: part.tool, arguments: part.arguments });
        this.#count(JSON.stringify(data).length);
        return log.add({ kind: 'TOOL', data });
      }
    }
  }

  /** What an earlier process has written of the answer is void once this one begins its own. */
  #tellStart(log: GenerationLog, model: string): Promise<void> {
    const fromModel = this.#model;
    this.#model = model;
    if (fromModel === null) return log.add({ kind: 'STARTED', data: { model } });
    const reason = 'the server that wrote the answer was lost';
    return log.add({ kind: 'RESTARTED', data: { reason, fromModel, toModel: model } });
  }

  /** An answer that came as a whole has had no parts. */
  async #tellRest(log: GenerationLog, { text, model }: AnswerCompletion): Promise<void> {
    if (this.#model === null) await this.#tellStart(log, model);
    log.endText();
    const whole = storableText(text);
    if (whole.length <= log.text.length || !whole.startsWith(log.text)) return;
    await this.#tell(log, { kind: 'text', text: whole.slice(log.text.length) });
  }

  #count(characters: number): void {
    this.#characters += characters;
    if (this.#characters > MAX_CHARACTERS) throw new AnswerTooLongError();
  }

  /** Its last events, its text and its figures, in one transaction. */
  async #end(log: GenerationLog, outcome: Outcome): Promise<void> {
    const { status } = outcome;
    const waiting = await log.close();
    const usage = addUsage(this.#taken.usage, this.#tally.usage);
    const attempts = [...this.#taken.attempts, ...this.#attemptsOf(outcome)].map((attempt, index) => ({
      ...attempt,
      seq: index + 1,
    }));
    const entries = [...waiting, this.#lastEntry(outcome, usage)] as const;
    const { language, citations } = status === 'COMPLETED' ? outcome.completion : { language: null, citations: [] };
    const { messageId, questionId } = this.#taken;
    const model = this.#model;
    const isDescription = this.#task === 'DESCRIBE_IMAGE';
    const findingsDueSeconds = status === 'COMPLETED' && !isDescription ? this.#parts.findings.dueSeconds : undefined;
    const due = findingsDueSeconds === undefined ? {} : { findingsDueSeconds };
    await whileAway(() =>
      this.#inWorkspace(async (scope) => {
        await storeAnswerText(scope, { messageId, text: log.text, language, citations, model });
        if (isDescription) await deleteAttachments(scope, questionId);
        await endGeneration(scope, this.#place(log.seq), { status, entries, attempts, usage, ...due });
      }),
    );
  }

  get #task(): GenerationTask {
    return this.#taken.options.task ?? 'CHAT';
  }

  #lastEntry(outcome: Outcome, usage: UsageAmount): LogEnd {
    if (outcome.status === 'FAILED') return { kind: 'FAILED', data: this.#failureOf(outcome.error) };
    const stopped = outcome.status === 'STOPPED';
    return { kind: 'COMPLETED', data: { messageId: this.#taken.messageId, usage, stopped } };
  }

  #attemptsOf(outcome: Outcome): readonly Attempt[] {
    if (outcome.status === 'COMPLETED') return outcome.completion.attempts;
    if (outcome.status === 'FAILED' && outcome.error instanceof ProviderFailedError) return outcome.error.attempts;
    return this.#tally.attempts;
  }

  #failureOf(error: unknown): Extract<LogEnd, { kind: 'FAILED' }>['data'] {
    if (error instanceof DomainError) {
      return { code: error.code, message: storableText(error.message).slice(0, MESSAGE_MAX_CHARACTERS).toWellFormed() };
    }
    if (isDatabaseUnavailable(error))
      return { code: 'UNAVAILABLE', message: 'the database does not answer; try again' };
    const { id, requestId } = this.#taken;
    this.#parts.logger.error({ err: error, generationId: id, requestId }, 'an answer failed unexpectedly');
    return { code: 'INTERNAL', message: `an unexpected failure; it was logged under the request id ${requestId}` };
  }

  async #release(): Promise<void> {
    await whileAway(() => this.#inWorkspace((scope) => releaseGeneration(scope, this.#taken)));
  }

  async #openLog(): Promise<GenerationLog> {
    const { id, lastSeq } = this.#taken;
    const told = lastSeq === 0 ? null : await whileAway(() => this.#inWorkspace((scope) => readTextSoFar(scope, [id])));
    return new GenerationLog(
      (entries, writtenSeq) => this.#inWorkspace((scope) => appendEntries(scope, this.#place(writtenSeq), entries)),
      { seq: lastSeq, text: told?.get(id) ?? '' },
      (error) => this.#ending.abort(error instanceof LeaseLostError ? new Ended('lost') : error),
    );
  }

  #place(seq: number): LogPlace {
    return { id: this.#taken.id, claim: this.#taken.claim, seq };
  }

  #lookForStop(): void {
    const look = this.#inWorkspace((scope) => isStopRequested(scope, this.id));
    look.then(
      (isRequested) => {
        if (isRequested) this.stop();
      },
      // The next renewal of the lease tells it too.
      () => undefined,
    );
  }

  async #question(): Promise<AnswerQuestion> {
    const { id, conversationId, questionId, options } = this.#taken;
    const { model, temperature, maxTokens, retrieval } = options;
    const filter = options.filter === null ? null : STORED_FILTER.parse(options.filter);
    const attachments = await this.#inWorkspace((scope) => listAttachments(scope, questionId));
    return {
      ...{ task: this.#task, conversationId, messageId: questionId, generationId: id, retrieval, filter, attachments },
      ...(model === null ? {} : { model }),
      ...(temperature === null ? {} : { temperature }),
      ...(maxTokens === null ? {} : { maxTokens }),
    };
  }

  #call(caller: WorkspaceCaller, signal: AbortSignal, tally: GenerationTally): ModelCall {
    const { requestId, conversationId, id } = this.#taken;
    const isDescription = this.#task === 'DESCRIBE_IMAGE';
    const about = isDescription ? id : conversationId;
    return {
      ...{ caller, operation: isDescription ? 'describe_image' : 'chat', requestId, aboutId: about, signal, tally },
    };
  }

  async #postProcess(caller: WorkspaceCaller, text: string, { language, model }: AnswerCompletion): Promise<void> {
    const { messageId, conversationId, questionId, id } = this.#taken;
    const message = { generationId: id, id: messageId, conversationId, questionId, text, language, model };
    await this.#parts.findings.find(caller, this.#taken, message, this.#closing.signal);
  }

  #inWorkspace<Result>(work: (scope: WorkspaceScope) => Promise<Result>): Promise<Result> {
    return this.#parts.database.withWorkspace(this.#taken.workspaceId, work);
  }
}
