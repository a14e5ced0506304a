import { setTimeout as sleep } from 'node:timers/promises';
import type { GenerateRequest, StreamPart } from '../../plugins/contract.ts';
import type { ProviderError } from '../../plugins/errors.ts';
import type { HealthPass } from '../integrations/integration-health.ts';
import { AnswerCollector } from './answer-collector.ts';
import { AttemptClock } from './attempt-clock.ts';
import type { AttemptLog, TryReport } from './attempt-log.ts';
import { isCovered, reportOf, skipOpenCircuit } from './attempts.ts';
import { type AttemptUse, finishedUsage, imagesIn, sentByGenerating, unfinishedUse } from './counted-usage.ts';
import { ProviderFailedError } from './errors.ts';
import type { GenerationPart } from './generation.ts';
import type { CatalogModel } from './model-catalog.ts';
import { type NextStep, nextStep } from './next-step.ts';
import type { Route } from './router.ts';

/** How long a provider may take to end a stream whose answer is whole. */
const GOODBYE_MS = 1_000;

/** One streamed answer, wherever the route leads. */
export interface StreamPlan {
  route: Route;
  log: AttemptLog;
  /** Aborted when the caller leaves. */
  signal: AbortSignal;
  requestId: string;
  /** See `ModelCall.countWithinMs`. */
  countWithinMs: number | undefined;
  /** How the try that answers is counted beside its tokens. */
  counts: TryReport['counts'];
  request: Omit<GenerateRequest, 'model'>;
}

/** A whole answer and the model that gave it. */
export interface StreamedAnswer {
  target: CatalogModel;
  answer: AnswerCollector['whole'];
}

type Announced = Exclude<GenerationPart, { kind: 'completed' }>;

/** What the caller has seen so far: which model began, and why it was given up. */
interface Announcement {
  model: string | null;
  reason: string;
}

/**
 * Streams from the models of a route until one has answered to the end. Before its first part another one simply takes
 * over; after it a `restarted` part comes before those of the next. Every try is logged, whatever became of it, also
 * when the caller stops reading.
 * @throws ProviderFailedError with all tries, or the signal's reason where the caller left
 */
export async function* streamAttempts(plan: StreamPlan): AsyncGenerator<Announced, StreamedAnswer> {
  const shown: Announcement = { model: null, reason: '' };
  let last: ProviderError | null = null;
  for (let target = await plan.route.next(); target !== null; target = await plan.route.next()) {
    let pass = target.live.health.admit();
    if (pass === null) last ??= skipOpenCircuit(plan.log, target);
    for (let tries = 1; pass !== null && (await isCovered(plan.log, target, pass)); tries++) {
      const tried = new StreamAttempt(plan, target, { tries, pass });
      const outcome = yield* tried.parts(shown);
      if ('answer' in outcome) return { target, answer: outcome.answer };
      last = outcome.error;
      if (outcome.step.kind === 'stop') throw new ProviderFailedError(plan.log.attempts, last);
      if (outcome.step.kind === 'other') break;
      await sleep(outcome.step.waitMs, undefined, { signal: plan.signal }).catch(() => plan.signal.throwIfAborted());
      pass = target.live.health.admit();
    }
  }
  throw new ProviderFailedError(plan.log.attempts, last);
}

type Outcome = { answer: AnswerCollector['whole'] } | { error: ProviderError; step: NextStep };

/** One try at one provider. */
class StreamAttempt {
  readonly #plan: StreamPlan;
  readonly #target: CatalogModel;
  readonly #tries: number;
  readonly #pass: HealthPass;
  readonly #clock: AttemptClock;
  readonly #collector = new AnswerCollector();
  #firstTokenMs: number | null = null;
  #isAnnounced = false;
  #isLogged = false;
  readonly #wasSent: boolean;

  constructor(plan: StreamPlan, target: CatalogModel, { tries, pass }: { tries: number; pass: HealthPass }) {
    this.#plan = plan;
    this.#target = target;
    this.#tries = tries;
    this.#pass = pass;
    this.#wasSent = !plan.signal.aborted;
    this.#clock = new AttemptClock(plan.signal, target.live.timeouts.totalMs);
  }

  async *parts(shown: Announcement): AsyncGenerator<Announced, Outcome> {
    try {
      yield* this.#read(shown);
      const answer = this.#collector.whole;
      this.#pass.succeeded(this.#clock.elapsedMs);
      this.#clock.end();
      await this.#log('SUCCEEDED', null);
      return { answer };
    } catch (thrown) {
      return await this.#failed(thrown, shown);
    } finally {
      // Whoever stops reading has left: the provider is told, and what it did is counted.
      if (!this.#isLogged) {
        this.#clock.abandon();
        this.#pass.failed('cancelled', 'the caller has left');
        await this.#log('CANCELLED', null);
      }
    }
  }

  async *#read(shown: Announcement): AsyncGenerator<Announced, void> {
    const { timeouts, opened } = this.#target.live;
    this.#clock.limitStep(timeouts.firstTokenMs, 'first part of the answer');
    const request = { ...this.#plan.request, model: this.#target.info.name };
    const call = { signal: this.#clock.signal, requestId: this.#plan.requestId };
    const stream = opened.provider.stream?.(request, call)[Symbol.asyncIterator]();
    if (stream === undefined) throw new TypeError('the provider does not stream');
    let isWhole = false;
    try {
      for (;;) {
        const next = await this.#clock.wait(stream.next());
        const part = next.done === true ? null : next.value;
        if (part?.kind === 'usage') {
          // No part of the answer: the wait for one goes on.
          this.#collector.tell(part.usage);
          continue;
        }
        this.#clock.pauseStep();
        if (part === null) return;
        this.#firstTokenMs ??= this.#clock.elapsedMs;
        yield* this.#announce(shown);
        if (part.kind === 'finish') {
          this.#collector.finish(part);
          isWhole = true;
          return;
        }
        this.#collector.add(part);
        yield part;
        this.#clock.limitStep(timeouts.idleMs, 'further part of the answer');
      }
    } finally {
      if (isWhole) this.#letEnd(stream);
      else this.#giveUp(stream);
    }
  }

  /** What comes after the answer is a few bytes at most; read to the end, their connection serves the next call. */
  #letEnd(stream: AsyncIterator<StreamPart>): void {
    const giveUp = setTimeout(() => this.#giveUp(stream), GOODBYE_MS);
    stream.next().then(
      () => clearTimeout(giveUp),
      () => clearTimeout(giveUp),
    );
  }

  /** Not waited for: a provider that hangs in its farewell has been aborted. */
  #giveUp(stream: AsyncIterator<StreamPart>): void {
    this.#clock.abandon();
    stream.return?.()?.catch(() => undefined);
  }

  *#announce(shown: Announcement): Generator<Announced> {
    if (this.#isAnnounced) return;
    this.#isAnnounced = true;
    const { id } = this.#target;
    if (shown.model === null) yield { kind: 'started', model: id };
    else yield { kind: 'restarted', reason: shown.reason, fromModel: shown.model, toModel: id };
    shown.model = id;
  }

  async #failed(thrown: unknown, shown: Announcement): Promise<Outcome> {
    const error = this.#clock.failureOf(thrown);
    this.#clock.abandon();
    this.#pass.failed(error.kind, error.message, error.retryAfterMs);
    if (this.#plan.signal.aborted) {
      await this.#log('CANCELLED', error);
      throw this.#plan.signal.reason;
    }
    const { hasBegun } = this.#collector;
    const asked = nextStep(error, this.#target, this.#plan.route, { tries: this.#tries, hasBegun });
    const step = await asked.catch(async (failure: unknown) => {
      await this.#log('FAILED', error);
      throw failure;
    });
    shown.reason = error.message;
    if (step.kind === 'stop') await this.#log('FAILED', error);
    else if (hasBegun) await this.#log('RESTARTED', error);
    else await this.#log(step.kind === 'again' ? 'RETRIED' : 'FAILED', error);
    return { error, step };
  }

  async #log(outcome: TryReport['outcome'], error: ProviderError | null): Promise<void> {
    this.#isLogged = true;
    const ended = reportOf(this.#clock, outcome, error);
    const use = await (outcome === 'SUCCEEDED' ? this.#finishedUse() : this.#unfinishedUse(error));
    // One call of the client's is one LLM call, however many tries it took.
    const isUsed = outcome === 'SUCCEEDED' || outcome === 'CANCELLED';
    this.#plan.log.add(this.#target, {
      ...ended,
      ...use,
      firstTokenMs: this.#firstTokenMs,
      counts: isUsed ? this.#plan.counts : {},
    });
  }
  async #finishedUse(): Promise<AttemptUse> {
    const { usage } = this.#collector.whole.end;
    const { request } = this.#plan;
    const sent = () => sentByGenerating(request);
    const used = await finishedUsage(usage, sent, () => this.#collector.written);
    return { usage: used, media: { images: imagesIn(request.messages) } };
  }

  #unfinishedUse(error: ProviderError | null): Promise<AttemptUse> {
    const { hasBegun, written, told } = this.#collector;
    const { signal, countWithinMs } = this.#plan;
    const end = {
      ...{ wasSent: this.#wasSent, error, hasBegun, hasExpired: this.#clock.hasExpired },
      ...(signal.aborted ? { countWithinMs } : {}),
    };
    return unfinishedUse(end, () => sentByGenerating(this.#plan.request), { texts: written, told });
  }
}
