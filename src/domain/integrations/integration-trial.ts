import type { Logger } from '../../observability/logger.ts';
import type {
  CallContext,
  GenerateRequest,
  ModelInfo,
  PluginManifest,
  Provider,
  TokenUsage,
} from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import { redactionOf } from '../../plugins/remote/redaction.ts';
import { DomainError } from '../../shared/errors.ts';
import { readTokens } from '../../shared/token-count.ts';
import { usdAmount } from '../../shared/usd-amount.ts';
import type { MeterTaking } from '../usage/meter-service.ts';
import type { ConfiguredModel, Integration } from './integration.ts';
import type { OpenedProvider } from './integration-directory.ts';

export const TRIAL_TIMEOUT_MS = 30_000;
const DEFAULT_PROMPT = 'Say hello in one short line.';
const SAMPLE_MAX_TOKENS = 200;
const SAMPLE_MAX_CHARACTERS = 2_000;

/** A model call that a trial made, for the ledger. */
export interface TrialCall {
  operation: 'generate' | 'embed';
  model: ModelInfo;
  usage: TokenUsage;
  latencyMs: number;
  /** Whether the workspace's allowance has it already. */
  metered: boolean;
}

/** What came of trying a provider. */
export interface Trial {
  ok: boolean;
  /** Of the cheapest real call there is. */
  latencyMs: number;
  sample: string | null;
  error: string | null;
  models: ModelInfo[];
  call: TrialCall | null;
}

/**
 * Tries a provider: its check, its models, and one line of an answer, or a vector, where it can make one. Ends in time,
 * whatever the provider does.
 */
export async function tryProvider(
  opened: OpenedProvider,
  parts: {
    manifest: PluginManifest;
    config: Integration['config'];
    /** Credentials included: what is taken out of an error's message. */
    secrets: Record<string, unknown>;
    prompt: string | null;
    call: CallContext;
    /** Asked before the one call that counts. @throws DomainError where it may not be made */
    takeCall: () => Promise<MeterTaking>;
    logger: Logger;
  },
): Promise<Trial> {
  const { provider } = opened;
  const { config, call } = parts;
  const startedAt = performance.now();
  const trial: Trial = { ok: false, latencyMs: 0, sample: null, error: null, models: [], call: null };
  const steps = async () => {
    await provider.check(call);
    trial.latencyMs = performance.now() - startedAt;
    trial.models = mergedModels(opened.knownModels, await provider.listModels(call), config.models ?? []);
    const asking = { provider, call, prompt: parts.prompt ?? DEFAULT_PROMPT, takeCall: parts.takeCall };
    const made = await makeSample(asking, trial.models, config.defaultModel);
    trial.sample = made?.sample ?? null;
    trial.call = made?.call ?? null;
    trial.ok = true;
  };
  try {
    await withinTime(steps(), call.signal);
  } catch (error) {
    if (trial.latencyMs === 0) trial.latencyMs = performance.now() - startedAt;
    trial.error = redactionOf(parts.manifest.configSchema, parts.secrets)(reasonOf(error, call.signal));
    if (!(error instanceof ProviderError) && !(error instanceof DomainError) && !call.signal.aborted) {
      parts.logger.warn({ plugin: parts.manifest.id, reason: trial.error }, 'a provider failed a trial unexpectedly');
    }
  }
  return { ...trial };
}

interface Sample {
  sample: string;
  call: TrialCall;
}

interface Asking {
  provider: Provider;
  call: CallContext;
  prompt: string;
  takeCall: () => Promise<MeterTaking>;
}

async function makeSample(
  asking: Asking,
  models: readonly ModelInfo[],
  defaultModel: string | undefined,
): Promise<Sample | null> {
  const candidates = models.toSorted((a, b) => Number(b.name === defaultModel) - Number(a.name === defaultModel));
  const writer = candidates.find(({ capabilities }) => capabilities.includes('GENERATE'));
  if (writer !== undefined && asking.provider.generate !== undefined) return generateSample(asking, writer);
  const embedder = candidates.find(({ capabilities }) => capabilities.includes('EMBED'));
  return embedder === undefined ? null : embedSample(asking, embedder);
}

async function generateSample({ provider, call, prompt, takeCall }: Asking, model: ModelInfo): Promise<Sample | null> {
  const taking = await takeCall();
  const startedAt = performance.now();
  const request: GenerateRequest = {
    model: model.name,
    messages: [{ role: 'user', parts: [{ kind: 'text', text: prompt }] }],
    maxOutputTokens: SAMPLE_MAX_TOKENS,
  };
  const answer = await answerOf(provider, request, call).catch(async (error: unknown) => {
    // Who leaves has the vendor write on, and be paid.
    if (!call.signal.aborted) await taking.release(1).catch(() => undefined);
    throw error;
  });
  if (answer === undefined) return null;
  const { metered } = taking;
  const latencyMs = performance.now() - startedAt;
  const sample = answer.text.trim().slice(0, SAMPLE_MAX_CHARACTERS);
  return { sample, call: { operation: 'generate', model, usage: readUsage(answer.usage), latencyMs, metered } };
}

/** A model that knows no limit refuses one, as it should: then it is asked without. */
async function answerOf(provider: Provider, request: GenerateRequest, call: CallContext) {
  try {
    return await provider.generate?.(request, call);
  } catch (error) {
    if (!(error instanceof ProviderError) || error.kind !== 'bad_request' || call.signal.aborted) throw error;
    const { maxOutputTokens: _limit, ...unlimited } = request;
    return await provider.generate?.(unlimited, call);
  }
}

async function embedSample({ provider, call, prompt }: Asking, model: ModelInfo): Promise<Sample | null> {
  const startedAt = performance.now();
  const result = await provider.embed?.({ model: model.name, texts: [prompt.trim()], purpose: 'query' }, call);
  const vector = result?.vectors[0];
  if (result === undefined || vector === undefined) return null;
  const latencyMs = performance.now() - startedAt;
  const usage = readUsage({ inputTokens: result.tokenCounts[0] ?? 0, outputTokens: 0, costUsd: result.costUsd });
  const sample = `a vector of ${vector.length} dimensions by ${model.name}`;
  return { sample, call: { operation: 'embed', model, usage, latencyMs, metered: false } };
}

/** A plugin within this process is not checked elsewhere. */
function readUsage(told: TokenUsage | undefined): TokenUsage {
  const costUsd = usdAmount(told?.costUsd);
  return { ...readTokens(told ?? {}), ...(costUsd === undefined ? {} : { costUsd }) };
}

/** What the configuration says of a model goes before what the vendor says. */
function mergedModels(
  known: readonly ModelInfo[],
  listed: readonly ModelInfo[],
  configured: readonly ConfiguredModel[],
): ModelInfo[] {
  const byName = new Map([...known, ...listed].map((info) => [info.name, info]));
  for (const model of configured) {
    const guessed = model.dimensions === undefined ? (['GENERATE'] as const) : (['EMBED'] as const);
    const capabilities = model.capabilities ?? byName.get(model.name)?.capabilities ?? guessed;
    byName.set(model.name, { ...byName.get(model.name), ...model, capabilities });
  }
  return [...byName.values()];
}

function withinTime(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const end = () => reject(signal.reason);
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  return Promise.race([work, promise]).finally(() => {
    signal.removeEventListener('abort', end);
    work.catch(() => undefined);
  });
}

function reasonOf(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return `the provider did not answer within ${TRIAL_TIMEOUT_MS / 1_000} seconds`;
  return error instanceof Error ? error.message : String(error);
}
