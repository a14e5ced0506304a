import { setTimeout as sleep } from 'node:timers/promises';
import type { Attributes, Context, Span, Tracer } from '@opentelemetry/api';
import type { SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace';
import type { Logger } from './logger.ts';
import type { BegunCall, CallEnd, CallTrace, CallTracer, ObservedAttempt } from './model-call-observer.ts';

/** How long a stop waits for the last spans to be taken. */
const CLOSE_TIMEOUT_MS = 5_000;
const EXPORT_TIMEOUT_MS = 10_000;
/** A collector that is away is told of once in so long. */
const WARN_INTERVAL_MS = 60_000;

/** Where spans go: to `/v1/traces` below the endpoint of an OTLP collector over HTTP. */
interface Destination {
  endpoint: string;
  headers: Readonly<Record<string, string>>;
  serviceName: string;
}

/** Spans of model calls, on their way to a collector. */
export interface Tracing {
  tracer: CallTracer;
  /** Sends what is left, for up to five seconds. Never throws: spans are no reason to fail. */
  close(): Promise<void>;
}

type Api = typeof import('@opentelemetry/api');

/**
 * Spans after OpenTelemetry's conventions for generative AI (semantic-conventions-genai, gen-ai-spans): one of a call, with
 * one below it for each attempt at a provider. Names, numbers and codes alone, never what was said. OpenTelemetry is not
 * loaded before this is called, and nothing global is set.
 */
export async function startTracing(config: Destination, logger: Logger): Promise<Tracing> {
  const [api, sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/resources'),
  ]);
  const url = `${config.endpoint.replace(/\/+$/, '')}/v1/traces`;
  const exporter = new OTLPTraceExporter({ url, headers: { ...config.headers }, timeoutMillis: EXPORT_TIMEOUT_MS });
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes({ 'service.name': config.serviceName }),
    spanProcessors: [new sdk.BatchSpanProcessor({ exporter: told(exporter, logger) })],
  });
  const tracer = provider.getTracer('signalbox');
  return {
    tracer: { begin: (call) => new TracedCall(api, tracer, call) },
    close: () => closeProvider(provider, logger),
  };
}

async function closeProvider(provider: TracerProvider, logger: Logger): Promise<void> {
  const closed = provider.shutdown().then(
    () => true,
    () => true,
  );
  if (await Promise.race([closed, sleep(CLOSE_TIMEOUT_MS, false, { ref: false })])) return;
  logger.warn('the collector did not take the last spans in time');
}

/** The same exporter, whose failures are logged. */
function told(exporter: SpanExporter, logger: Logger): SpanExporter {
  let quietUntil = Number.NEGATIVE_INFINITY;
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        if (result.error !== undefined && performance.now() >= quietUntil) {
          quietUntil = performance.now() + WARN_INTERVAL_MS;
          logger.warn(
            { reason: result.error.message, spans: spans.length },
            'spans could not be handed to the collector',
          );
        }
        done(result);
      }),
    forceFlush: async () => exporter.forceFlush?.(),
    shutdown: () => exporter.shutdown(),
  };
}

const OPERATION_OF_METHOD: Readonly<Record<string, string>> = { generate: 'chat', stream: 'chat', embed: 'embeddings' };

/** Names that the conventions have for what our plugins call otherwise. */
const PROVIDER_OF_PLUGIN: Readonly<Record<string, string>> = {
  'azure-openai': 'azure.ai.openai',
  google: 'gcp.gemini',
};

const FAILURES: ReadonlySet<string> = new Set(['FAILED', 'RETRIED', 'RESTARTED', 'CANCELLED']);

class TracedCall implements CallTrace {
  readonly #api: Api;
  readonly #tracer: Tracer;
  readonly #operation: string;
  readonly #span: Span;
  readonly #context: Context;
  readonly #beganAtMs = Date.now();
  readonly #sum = { input: 0, output: 0, attempts: 0 };
  #last: ObservedAttempt | null = null;
  #isOver = false;

  constructor(api: Api, tracer: Tracer, call: BegunCall) {
    this.#api = api;
    this.#tracer = tracer;
    this.#operation = OPERATION_OF_METHOD[call.method] ?? call.method;
    const name = call.model === null ? this.#operation : `${this.#operation} ${call.model}`;
    const attributes: Attributes = {
      'gen_ai.operation.name': this.#operation,
      'signalbox.operation': call.operation,
      'signalbox.workspace.id': call.workspaceId,
      'signalbox.request.id': call.requestId,
      ...(call.model === null ? {} : { 'gen_ai.request.model': call.model }),
      ...(call.method === 'stream' ? { 'gen_ai.request.stream': true } : {}),
    };
    const options = { kind: api.SpanKind.INTERNAL, attributes, startTime: this.#beganAtMs };
    this.#span = tracer.startSpan(name, options, parentOf(api, call.traceparent));
    this.#context = api.trace.setSpan(api.ROOT_CONTEXT, this.#span);
  }

  attemptEnded(attempt: ObservedAttempt): void {
    this.#last = attempt;
    if (attempt.outcome === 'CACHED') return;
    this.#sum.input += attempt.inputTokens;
    this.#sum.output += attempt.outputTokens;
    this.#sum.attempts += 1;
    const endedAtMs = Date.now();
    const options = {
      kind: this.#api.SpanKind.CLIENT,
      startTime: Math.max(endedAtMs - attempt.durationMs, this.#beganAtMs),
      attributes: attributesOf(this.#operation, attempt),
    };
    const span = this.#tracer.startSpan(`${this.#operation} ${attempt.model}`, options, this.#context);
    if (FAILURES.has(attempt.outcome)) span.setStatus({ code: this.#api.SpanStatusCode.ERROR });
    span.end(endedAtMs);
  }

  end(end: CallEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const last = this.#last;
    this.#span.setAttributes({
      'gen_ai.usage.input_tokens': this.#sum.input,
      'gen_ai.usage.output_tokens': this.#sum.output,
      'signalbox.attempts': this.#sum.attempts,
      'signalbox.cached': last?.outcome === 'CACHED',
      ...(last === null ? {} : { 'gen_ai.provider.name': providerOf(last) }),
    });
    if ('error' in end) this.#failed(end.error);
    else {
      if (last !== null) this.#span.setAttribute('gen_ai.response.model', last.model);
      if (end.finishReason !== null) this.#span.setAttribute('gen_ai.response.finish_reasons', [end.finishReason]);
    }
    this.#span.end();
  }

  /** Its message may repeat what was said. */
  #failed(error: unknown): void {
    this.#span.setAttribute('error.type', errorType(error));
    this.#span.setStatus({ code: this.#api.SpanStatusCode.ERROR });
  }
}

function attributesOf(operation: string, attempt: ObservedAttempt): Attributes {
  const { model, outcome, errorKind, firstTokenMs, inputTokens, outputTokens, cachedTokens, costUsd } = attempt;
  return {
    'gen_ai.operation.name': operation,
    'gen_ai.provider.name': providerOf(attempt),
    'gen_ai.request.model': model,
    'gen_ai.usage.input_tokens': inputTokens,
    'gen_ai.usage.output_tokens': outputTokens,
    'signalbox.outcome': outcome,
    ...(cachedTokens === 0 ? {} : { 'gen_ai.usage.cache_read.input_tokens': cachedTokens }),
    ...(firstTokenMs === null ? {} : { 'gen_ai.response.time_to_first_chunk': firstTokenMs / 1_000 }),
    ...(costUsd === null ? {} : { 'signalbox.cost_usd': Number(costUsd) }),
    ...(errorKind === null ? {} : { 'error.type': errorKind }),
  };
}

function providerOf({ pluginId }: ObservedAttempt): string {
  return PROVIDER_OF_PLUGIN[pluginId] ?? pluginId;
}

/** The code of an error that the product expects; the class of any other. */
function errorType(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  if (typeof code === 'string') return code;
  return typeof name === 'string' ? name : '_OTHER';
}

/** W3C Trace Context, section 3.2. What is none begins a trace of its own. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/;

function parentOf(api: Api, traceparent: string | null): Context {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return api.ROOT_CONTEXT;
  const traceFlags = Number.parseInt(flags, 16) & api.TraceFlags.SAMPLED;
  return api.trace.setSpanContext(api.ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}
