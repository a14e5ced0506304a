import type { AttemptObserver, CallEnd, CallTracer, ObservedAttempt } from '../../observability/model-call-observer.ts';
import type { UsageEvent } from '../usage/usage-event.ts';
import type { GenerationPart } from './generation.ts';
import type { ModelCall } from './model-call.ts';
import type { CatalogModel } from './model-catalog.ts';

/** Who is told of calls, beside the ledger. */
export interface Observers {
  /** Of every attempt. */
  attempts?: AttemptObserver;
  /** Of calls from their beginning; absent: nobody, and then it costs nothing. */
  tracer?: CallTracer;
}

/** A call that is told of, and its end. */
export interface ObservedCall {
  call: ModelCall;
  isTraced: boolean;
  end(end: CallEnd): void;
}

const NOBODY = () => undefined;

/** A call of which the attempts alone are told. */
export function untraced({ attempts }: Observers, call: ModelCall): ModelCall {
  return { ...call, observers: attempts === undefined ? [] : [attempts] };
}

/** Begins to tell of a call. `asked.model` is undefined where the workspace's choice is taken. */
export function observe(
  observers: Observers,
  call: ModelCall,
  asked: { method: string; model: string | undefined },
): ObservedCall {
  const { tracer } = observers;
  const told = untraced(observers, call);
  if (tracer === undefined) return { call: told, isTraced: false, end: NOBODY };
  const trace = tracer.begin({
    method: asked.method,
    operation: call.operation,
    model: asked.model ?? null,
    workspaceId: call.caller.workspace.id,
    requestId: call.requestId,
    traceparent: call.traceparent ?? null,
  });
  const everyone = [...(told.observers ?? []), trace];
  return { call: { ...call, observers: everyone }, isTraced: true, end: (end) => trace.end(end) };
}

/** Does a call's work, and tells how it ended. */
export async function observed<Result>(
  { call, end }: ObservedCall,
  work: (call: ModelCall) => Promise<Result>,
  finishReasonOf: (result: Result) => string | null = () => null,
): Promise<Result> {
  try {
    const result = await work(call);
    end({ finishReason: finishReasonOf(result) });
    return result;
  } catch (error) {
    end({ error });
    throw error;
  }
}

/** The same of an answer in parts. */
export async function* observedParts(
  { call, end, isTraced }: ObservedCall,
  open: (call: ModelCall) => Promise<AsyncGenerator<GenerationPart, void>>,
): AsyncGenerator<GenerationPart, void> {
  // Spares each part a step where nobody looks.
  if (!isTraced) return yield* await open(call);
  try {
    for await (const part of await open(call)) {
      if (part.kind === 'completed') end({ finishReason: part.answer.finishReason });
      yield part;
    }
  } catch (error) {
    end({ error });
    throw error;
  } finally {
    // Whoever stops reading has left.
    end({ finishReason: null });
  }
}

/** Tells of an attempt as the ledger has it. */
export function tellOfAttempt(
  { observers = [] }: ModelCall,
  { live, info }: CatalogModel,
  event: UsageEvent,
  firstTokenMs: number | null,
): void {
  if (observers.length === 0) return;
  const attempt: ObservedAttempt = {
    pluginId: live.pluginId,
    model: info.name,
    operation: event.operation,
    outcome: event.outcome,
    errorKind: event.errorCode,
    durationMs: event.latencyMs,
    firstTokenMs,
    inputTokens: event.inputTokens,
    outputTokens: event.outputTokens,
    cachedTokens: event.cachedTokens,
    costUsd: event.costUsd,
    cacheKind: event.cacheKind,
    cacheHits: event.cacheHits,
  };
  for (const observer of observers) observer.attemptEnded(attempt);
}
