import type {
  Capability,
  ModerateRequest,
  ModerateResult,
  Provider,
  RerankRequest,
  RerankResult,
  SpeakRequest,
  SpeakResult,
  TokenUsage,
  TranscribeRequest,
  TranscribeResult,
} from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import type { ModelWork } from '../integrations/integration.ts';
import { soundSeconds } from '../media/sound-length.ts';
import { AttemptLog } from './attempt-log.ts';
import { type AttemptTexts, runAttempts } from './attempts.ts';
import { budgetInForce } from './call-budget.ts';
import { heardBound, spokenBound, textsBound, type UseBound } from './cost-bound.ts';
import { NO_USAGE, sentAsTexts } from './counted-usage.ts';
import { type GatewayParts, releasing } from './generate-calls.ts';
import type { Attempt } from './generation.ts';
import type { ModelCall } from './model-call.ts';

/** A request without the model, which is an id here; left out: the first that can. */
export type Asked<Request> = Omit<Request, 'model'> & { model?: string };

/** What a provider gave, and what it took. */
export interface Made<Result> {
  /** The id of the model that gave it. */
  model: string;
  result: Result;
  usage: TokenUsage;
  costUsd: string | null;
  attempts: readonly Attempt[];
}

/** A method of a provider that answers once. */
type Method = 'rerank' | 'moderate' | 'transcribe' | 'speak';
type RequestOf<Name extends Method> = Parameters<NonNullable<Provider[Name]>>[0];
type ResultOf<Name extends Method> = Awaited<ReturnType<NonNullable<Provider[Name]>>>;

const CAPABILITY_OF: Readonly<Record<Method, Capability>> = {
  rerank: 'RERANK',
  moderate: 'MODERATE',
  transcribe: 'TRANSCRIBE',
  speak: 'SPEAK',
};

/** The calls that are neither answers nor vectors: each is one LLM call of the allowance. */
export class MediaCalls {
  readonly #parts: GatewayParts;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
  }

  rerank(call: ModelCall, asked: Asked<RerankRequest>): Promise<Made<RerankResult>> {
    return this.#make(call, 'rerank', null, asked, (result) => checkScores(result, asked));
  }

  moderate(call: ModelCall, asked: Asked<ModerateRequest>): Promise<Made<ModerateResult>> {
    return this.#make(call, 'moderate', 'moderate', asked);
  }

  transcribe(call: ModelCall, asked: Asked<TranscribeRequest>): Promise<Made<TranscribeResult>> {
    return this.#make(call, 'transcribe', null, asked);
  }

  speak(call: ModelCall, asked: Asked<SpeakRequest>): Promise<Made<SpeakResult>> {
    return this.#make(call, 'speak', null, asked);
  }

  async #make<Name extends Method>(
    call: ModelCall,
    method: Name,
    work: ModelWork | null,
    { model, ...request }: Asked<RequestOf<Name>>,
    check: (result: ResultOf<Name>) => void = () => undefined,
  ): Promise<Made<ResultOf<Name>>> {
    const workspaceId = call.caller.workspace.id;
    const capabilities: [Capability] = [CAPABILITY_OF[method]];
    const route = await this.#parts.router.route({ workspaceId, model, work, fallbacks: [], capabilities });
    const providers = await this.#parts.catalog.directory.of(workspaceId);
    const budgeted = budgetInForce(this.#parts.reservations, call, providers);
    const heardSeconds = heardIn(request);
    const log = new AttemptLog(call, this.#parts.recorder, budgeted?.(boundOf(request, heardSeconds)));
    const taking = await this.#parts.meters.take(call.caller.workspace, 'LLM_CALLS', 1);
    const { target, result } = await releasing(taking, log, () =>
      runAttempts<ResultOf<Name>>({
        route,
        log,
        signal: call.signal,
        run: (tried, signal) => {
          const { provider } = tried.live.opened;
          // The method belongs to its request: what the types cannot tell for a name that is a variable.
          const run = provider[method] as undefined | ((request: unknown, context: unknown) => Promise<ResultOf<Name>>);
          if (run === undefined) throw new TypeError(`the provider does not ${method}`);
          const context = { signal, requestId: call.requestId };
          return run.call(provider, { ...request, model: tried.info.name }, context).then((made) => {
            check(made);
            return made;
          });
        },
        texts: textsOf(request),
        heardSeconds,
        count: (made) => ({
          usage: ('usage' in made ? made.usage : undefined) ?? NO_USAGE,
          ...(isSound(method) ? { media: { audioSeconds: secondsOf(made) ?? heardSeconds ?? heardIn(made) } } : {}),
          counts: { llmCalls: 1, metered: taking.metered },
        }),
        countCancelled: { llmCalls: 1, metered: taking.metered },
      }),
    );
    return { model: target.id, result, usage: log.usage, costUsd: log.costUsd, attempts: [...log.attempts] };
  }
}

/** What a request uses at the most. */
function boundOf(request: object, heardSeconds: number | null): UseBound {
  if ('audio' in request) return heardBound((request as TranscribeRequest).audio.byteLength, heardSeconds);
  if ('text' in request) return spokenBound((request as SpeakRequest).text);
  return textsBound(textsOf(request)?.sent().texts ?? []);
}

/** Of the sound in a request or an answer, as it says itself; null where it has none, or does not say. */
function heardIn(spoken: object): number | null {
  return 'audio' in spoken ? soundSeconds((spoken as TranscribeRequest | SpeakResult).audio) : null;
}

/** What a request says in words; null where it is about sound, whose tokens the vendor alone can count. */
function textsOf(request: object): AttemptTexts<unknown> | null {
  if (!('texts' in request)) return null;
  const { query, texts: given } = request as Omit<ModerateRequest, 'model'> & Partial<RerankRequest>;
  const texts = query === undefined ? given : [query, ...given];
  return { sent: () => sentAsTexts(texts), written: () => [] };
}

/** Null where the provider does not say; a file without a length is one that nobody has measured. */
function secondsOf(made: ResultOf<Method>): number | null {
  const seconds = 'durationSeconds' in made ? made.durationSeconds : undefined;
  return seconds === undefined || !Number.isFinite(seconds) || seconds <= 0 ? null : seconds;
}

function isSound(method: Method): boolean {
  return method === 'transcribe' || method === 'speak';
}

/** A provider that answers with something else than it was asked for has failed, whatever it says. */
function checkScores({ scores }: RerankResult, { texts }: Pick<RerankRequest, 'texts'>): void {
  if (scores.length !== texts.length) {
    throw new ProviderError('malformed', `the provider gave ${scores.length} scores for ${texts.length} texts`);
  }
  if (!scores.every(Number.isFinite))
    throw new ProviderError('malformed', 'the provider gave a score that is no number');
}
