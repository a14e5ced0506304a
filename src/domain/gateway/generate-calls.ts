import type { Capability, GenerateRequest, GenerateResult } from '../../plugins/contract.ts';
import { AnswerCache } from '../caching/answer-cache.ts';
import { SingleFlight } from '../caching/single-flight.ts';
import type { MeterService, MeterTaking } from '../usage/meter-service.ts';
import type { ReservationService } from '../usage/reservation-service.ts';
import type { UsageRecorder } from '../usage/usage-recorder.ts';
import { AttemptLog, settling, type TryReport } from './attempt-log.ts';
import { runAttempts } from './attempts.ts';
import { budgetInForce } from './call-budget.ts';
import { answerBound, withOutputLimit } from './cost-bound.ts';
import { imagesIn, sentByGenerating } from './counted-usage.ts';
import { ProviderFailedError } from './errors.ts';
import type { Attempt, GeneratedAnswer, GenerationInput, GenerationPart } from './generation.ts';
import type { ModelCall } from './model-call.ts';
import type { CatalogModel, ModelCatalog } from './model-catalog.ts';
import type { Route, Router } from './router.ts';
import { type StreamedAnswer, streamAttempts } from './stream-attempts.ts';

/** What the gateway's calls share. */
export interface GatewayParts {
  catalog: ModelCatalog;
  router: Router;
  meters: MeterService;
  recorder: UsageRecorder;
  /** Left out: no budget is kept. */
  reservations?: ReservationService | undefined;
}

type AnswerContent = Pick<GeneratedAnswer, 'text' | 'toolCalls' | 'reasoning' | 'finishReason' | 'model'>;

/** An answer as it is kept: without what the call that made it has cost. */
interface KeptAnswer extends AnswerContent {
  /** What the try that gave it has cost, and whoever is given it saves; null where the price is not known. */
  worthUsd: string | null;
}

/** A call whose way is known, and where its answer may be kept. */
interface PreparedCall {
  call: ModelCall;
  route: Route;
  request: Omit<GenerateRequest, 'model'>;
  log: AttemptLog;
  /** Null: neither looked up nor kept. */
  key: string | null;
  documentIds: readonly string[];
  /** The moment of the cache at which the call came. */
  since: number;
  /** How the try that answers is counted beside its tokens. */
  counts: TryReport['counts'];
}

/** Answers: whole or streamed, from the cache or from a provider. */
export class GenerateCalls {
  readonly #parts: GatewayParts;
  readonly #cache: AnswerCache;
  readonly #flights = new SingleFlight<GeneratedAnswer>();

  constructor(parts: GatewayParts, cache: AnswerCache) {
    this.#parts = parts;
    this.#cache = cache;
  }

  async generate(call: ModelCall, input: GenerationInput): Promise<GeneratedAnswer> {
    const prepared = await this.#prepare(call, input, 'GENERATE');
    const { key } = prepared;
    if (key === null) return this.#make(prepared);
    const known = input.cache === 'refresh' ? null : this.#cached(prepared);
    if (known !== null) return known;
    // Whoever has left takes along their own call alone.
    const mayFollow = (error: unknown) => call.signal.aborted || error instanceof ProviderFailedError;
    // Who may fall back to something else asks for something else.
    const flight = JSON.stringify([key, input.work, input.fallbacks ?? []]);
    const make = () => this.#make(prepared);
    const { result, shared } = await this.#flights.run(flight, make, { mayFollow, signal: call.signal });
    return shared ? this.#given(prepared, keptAnswer(result)) : result;
  }

  async *stream(call: ModelCall, input: GenerationInput): AsyncGenerator<GenerationPart, void> {
    const prepared = await this.#prepare(call, input, 'STREAM');
    const known = prepared.key === null || input.cache === 'refresh' ? null : this.#cached(prepared);
    if (known !== null) {
      yield* partsOf(known);
      return;
    }
    const taking = await this.#parts.meters.take(call.caller.workspace, 'LLM_CALLS', 1);
    const { route, log, request } = prepared;
    const counts = { ...prepared.counts, metered: taking.metered };
    const { signal, requestId, countWithinMs } = call;
    try {
      const streamed = yield* streamAttempts({ route, log, signal, requestId, request, counts, countWithinMs });
      await log.settle();
      const answer = streamedAnswer(streamed, log);
      this.#keep(prepared, streamed.target, answer);
      yield { kind: 'completed', answer };
    } finally {
      await log.settle().catch(() => undefined);
      if (!log.attempts.some(isUsed)) await taking.release(1).catch(() => undefined);
    }
  }

  async #prepare(call: ModelCall, input: GenerationInput, capability: 'GENERATE' | 'STREAM'): Promise<PreparedCall> {
    const { model, work, fallbacks = [], cache = 'use', documentIds = [], ...asked } = input;
    const workspaceId = call.caller.workspace.id;
    const providers = await this.#parts.catalog.directory.of(workspaceId);
    const { settings } = providers;
    const choice = settings.models[work];
    const open = choice !== undefined && model === undefined ? withDefaults(asked, choice.parameters) : asked;
    const capabilities = neededCapabilities(open, capability);
    const route = await this.#parts.router.route({ workspaceId, model, work, fallbacks, capabilities });
    const budgeted = budgetInForce(this.#parts.reservations, call, providers);
    const request = budgeted === null ? open : withOutputLimit(open, route.first.info);
    const isKept = cache !== 'off' && settings.policies.answerCache !== false;
    const { id, live } = route.first;
    const key = isKept ? AnswerCache.key(workspaceId, settings.answerEpoch, [id, live.origin, request]) : null;
    const isLookedUp = key !== null && cache === 'use';
    return {
      ...{ call, route, request, key, documentIds, since: this.#cache.moment },
      log: new AttemptLog(aboutOneDocument(call, documentIds), this.#parts.recorder, budgeted?.(answerBound(request))),
      counts: { llmCalls: 1, ...(isLookedUp ? { cacheKind: 'RESPONSE', cacheMisses: 1 } : {}) },
    };
  }

  async #make(prepared: PreparedCall): Promise<GeneratedAnswer> {
    const { call, route, request, log, counts } = prepared;
    const taking = await this.#parts.meters.take(call.caller.workspace, 'LLM_CALLS', 1);
    const { target, result } = await releasing(taking, log, () =>
      runAttempts({
        route,
        log,
        signal: call.signal,
        run: async (model, signal) => {
          const { provider } = model.live.opened;
          if (provider.generate === undefined) throw new TypeError('the provider does not generate');
          return provider.generate({ ...request, model: model.info.name }, { signal, requestId: call.requestId });
        },
        texts: { sent: () => sentByGenerating(request), written: writtenIn },
        count: ({ usage }) => ({
          ...{ usage, media: { images: imagesIn(request.messages) } },
          counts: { ...counts, metered: taking.metered },
        }),
        countCancelled: { ...counts, metered: taking.metered },
      }),
    );
    const { text, toolCalls, finishReason, reasoning = null } = result;
    const answer = wholeAnswer({ text, toolCalls, reasoning, finishReason, model: target.id }, log);
    this.#keep(prepared, target, answer);
    return answer;
  }

  /** Only what the model that was asked for has said: a fallback's answer is nobody else's. */
  #keep({ key, route, call, documentIds, since }: PreparedCall, target: CatalogModel, answer: GeneratedAnswer): void {
    if (key === null || target !== route.first || answer.finishReason === 'content_filter') return;
    this.#cache.set(call.caller.workspace.id, key, { answer: keptAnswer(answer), documentIds, since });
  }

  #cached(prepared: PreparedCall): GeneratedAnswer | null {
    const kept = this.#cache.get<KeptAnswer>(prepared.call.caller.workspace.id, prepared.key ?? '');
    return kept === null ? null : this.#given(prepared, kept);
  }

  /** An answer that was made before, or for somebody else at the same moment: it costs nothing and is one attempt. */
  #given({ log, route }: PreparedCall, kept: KeptAnswer): GeneratedAnswer {
    // The answer that another call is just getting may be a fallback's.
    const [integration = ''] = kept.model.split('/', 1);
    const giver = kept.model === route.first.id ? route.first : { ...route.first, id: kept.model, integration };
    log.addCached(giver, { cacheKind: 'RESPONSE', cacheHits: 1, savedUsd: kept.worthUsd ?? '0' });
    return { ...wholeAnswer(kept, log), cached: true };
  }
}

/** Does the work that was taken for, settles it, and gives back what was taken where nothing came of it. */
export async function releasing<Result>(
  taking: MeterTaking,
  log: AttemptLog,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await settling(log, work);
  } catch (error) {
    // Why the work failed is what the caller has to hear, also where the database is down by now.
    if (!log.attempts.some(isUsed)) await taking.release(1).catch(() => undefined);
    throw error;
  }
}

/** For the ledger: an answer that is made from a single document is about that one, unless its call is about something else. */
function aboutOneDocument(call: ModelCall, [documentId, ...others]: readonly string[]): ModelCall {
  if (call.aboutId !== undefined || documentId === undefined || others.length > 0) return call;
  return { ...call, aboutId: documentId };
}

/** What is asked goes before what was chosen; what is left open by name is not asked. */
export function withDefaults<Asked extends object>(asked: Asked, chosen: Record<string, unknown>): Asked {
  const given = Object.entries(asked).filter(([, value]) => value !== undefined);
  return { ...chosen, ...Object.fromEntries(given) } as Asked;
}

/** Whether a try is one call of the allowance: it gave an answer, or the caller has not waited for it. */
function isUsed({ outcome }: Attempt): boolean {
  return outcome === 'SUCCEEDED' || outcome === 'CANCELLED';
}

function writtenIn({ text, reasoning = '', toolCalls }: GenerateResult): string[] {
  return [text, reasoning, ...toolCalls.flatMap(({ name, arguments: given }) => [name, given])];
}

function keptAnswer({ text, toolCalls, reasoning, finishReason, model, attempts }: GeneratedAnswer): KeptAnswer {
  return { text, toolCalls, reasoning, finishReason, model, worthUsd: attempts.at(-1)?.costUsd ?? null };
}

function wholeAnswer(content: AnswerContent, log: AttemptLog): GeneratedAnswer {
  const { text, toolCalls, reasoning, finishReason, model } = content;
  const { usage, costUsd, attempts } = log;
  return { text, toolCalls, reasoning, finishReason, model, usage, costUsd, cached: false, attempts: [...attempts] };
}

function streamedAnswer({ target, answer }: StreamedAnswer, log: AttemptLog): GeneratedAnswer {
  const { text, toolCalls, reasoning, end } = answer;
  return wholeAnswer({ text, toolCalls, reasoning, finishReason: end.finishReason, model: target.id }, log);
}

function* partsOf(answer: GeneratedAnswer): Generator<GenerationPart> {
  yield { kind: 'started', model: answer.model };
  if (answer.reasoning !== null) yield { kind: 'reasoning', text: answer.reasoning };
  if (answer.text !== '') yield { kind: 'text', text: answer.text };
  for (const [index, toolCall] of answer.toolCalls.entries()) yield { kind: 'toolCall', index, ...toolCall };
  yield { kind: 'completed', answer };
}

function neededCapabilities(
  { tools, format, messages }: Omit<GenerateRequest, 'model'>,
  first: 'GENERATE' | 'STREAM',
): [Capability, ...Capability[]] {
  const needed: [Capability, ...Capability[]] = [first];
  if (tools !== undefined && tools.length > 0) needed.push('TOOLS');
  if (format !== undefined) needed.push('STRUCTURED_OUTPUT');
  const seesImages = messages.some(
    (message) => message.role === 'user' && message.parts.some((part) => part.kind !== 'text'),
  );
  if (seesImages) needed.push('IMAGE_INPUT');
  return needed;
}
