import type {
  CallContext,
  Capability,
  GenerateRequest,
  PluginHost,
  PluginManifest,
  Provider,
  StreamPart,
} from '../contract.ts';
import { ProviderError } from '../errors.ts';
import { readAnswer, readPart } from './answers.ts';
import { type Redaction, redactionOf } from './redaction.ts';
import { MESSAGE_MAX_CHARACTERS, malformed, type RemoteMethod } from './wire.ts';

/** One provider as its plugin's thread or process has it. Failures are `ProviderError`s, or the reason of the call's abort. */
export interface RemoteConnection {
  ask(method: RemoteMethod, request: unknown, call: CallContext): Promise<unknown>;
  /** The parts as they came, unchecked. */
  stream(request: GenerateRequest, call: CallContext): AsyncIterable<unknown>;
  /** Frees what the other side holds for it. */
  close(): Promise<void>;
}

/** The method that a capability of the manifest stands for; the other capabilities are ways to use these. */
const METHODS = {
  EMBED: 'embed',
  GENERATE: 'generate',
  RERANK: 'rerank',
  MODERATE: 'moderate',
  TRANSCRIBE: 'transcribe',
  SPEAK: 'speak',
} as const satisfies Partial<Record<Capability, RemoteMethod>>;

/**
 * A provider that runs in a thread or a process of its own. It has the methods that the manifest's capabilities stand
 * for. What comes back is checked against the contract, and credentials of the configuration are taken out of messages.
 */
export function remoteProvider(
  manifest: PluginManifest,
  config: unknown,
  host: PluginHost,
  connection: RemoteConnection,
): Provider {
  const closing = new AbortController();
  const redact = redactionOf(manifest.configSchema, config);
  const whileOpen = (call: CallContext): CallContext => ({
    requestId: call.requestId,
    signal: AbortSignal.any([call.signal, closing.signal]),
  });
  const ask = async <Method extends RemoteMethod>(method: Method, request: unknown, call: CallContext) => {
    try {
      const open = whileOpen(call);
      open.signal.throwIfAborted();
      return readAnswer(method, await connection.ask(method, request, open));
    } catch (error) {
      throw redactError(error, redact);
    }
  };
  const close = once(async () => {
    closing.abort(new ProviderError('unavailable', `the provider of the plugin ${manifest.id} was closed`));
    await connection.close();
  });
  if (host.signal.aborted) void close();
  else host.signal.addEventListener('abort', () => void close(), { once: true });

  const capable: Record<string, unknown> = {};
  for (const [capability, method] of Object.entries(METHODS) as [Capability, RemoteMethod][]) {
    if (!manifest.capabilities.includes(capability)) continue;
    capable[method] = (request: unknown, call: CallContext) => ask(method, request, call);
  }
  if (manifest.capabilities.includes('STREAM')) {
    capable.stream = (request: GenerateRequest, call: CallContext) =>
      readParts(connection, request, whileOpen(call), redact);
  }
  return {
    ...(capable as Pick<Provider, (typeof METHODS)[keyof typeof METHODS] | 'stream'>),
    listModels: (call) => ask('models', null, call),
    check: (call) => ask('check', null, call),
    spend: (call) => ask('spend', null, call),
    close,
  };
}

/** Ends with the finish part, or throws. */
async function* readParts(
  connection: RemoteConnection,
  request: GenerateRequest,
  call: CallContext,
  redact: Redaction,
): AsyncGenerator<StreamPart> {
  try {
    call.signal.throwIfAborted();
    for await (const given of connection.stream(request, call)) {
      const part = readPart(given);
      yield part;
      if (part.kind === 'finish') return;
    }
  } catch (error) {
    throw redactError(error, redact);
  }
  throw malformed('ended before its finish part');
}

function redactError(error: unknown, redact: Redaction): unknown {
  if (!(error instanceof ProviderError)) return error;
  const message = redact(error.message).slice(0, MESSAGE_MAX_CHARACTERS);
  if (message === error.message) return error;
  // Not its cause: that may say it too.
  const { kind, status, retryAfterMs } = error;
  return new ProviderError(kind, message, { status, retryAfterMs });
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | null = null;
  return () => {
    done ??= work();
    return done;
  };
}
