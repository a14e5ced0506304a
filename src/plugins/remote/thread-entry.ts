import { compileFunction, constants } from 'node:vm';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { checkPlugin } from '../conformance/plugin-check.ts';
import type { CallContext, EmbedResult, PluginLogger, Provider, ProviderPlugin, SpeakResult } from '../contract.ts';
import { ProviderError } from '../errors.ts';
import { createHost, type OwnedHost } from '../host.ts';
import { PluginNetwork } from '../network.ts';
import { loadFailureOf } from './load-failure.ts';
import { type FromThread, packVectors, type ThreadData, type ToThread } from './thread-messages.ts';
import { encodeError, malformed, type RemoteMethod } from './wire.ts';

/** The entry point of a plugin's thread: loads the plugin, and makes its providers' calls as the server asks. */

const port = parentPort as MessagePort;
const { specifier, base, allowPrivate } = workerData as ThreadData;
const network = new PluginNetwork({ allowPrivate });
/** Characters of a message, and of its fields as JSON. */
const MAX_LOGGED = 64_000;

interface OpenProvider {
  config: unknown;
  cacheDir: string;
  connectMs: number;
  made: { provider: Provider; host: OwnedHost } | null;
}

interface RunningCall {
  abort: AbortController;
  /** Parts that may still be sent. */
  credit: number;
  /** Ends the wait for more credit. */
  wake: () => void;
}

const providers = new Map<number, OpenProvider>();
const calls = new Map<number, RunningCall>();

function tell(message: FromThread, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

/** From where the plugin is installed, which need not be where this file is. */
function importPlugin(): Promise<{ default?: unknown }> {
  const load = compileFunction('return import(specifier)', ['specifier'], {
    filename: base,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  }) as (specifier: string) => Promise<{ default?: unknown }>;
  return load(specifier);
}

async function loadPlugin(): Promise<ProviderPlugin> {
  const module = await importPlugin();
  const plugin = module.default as Partial<ProviderPlugin> | undefined;
  if (typeof plugin !== 'object' || plugin === null || typeof plugin.create !== 'function') {
    throw new Error('its default export must be a plugin: { manifest, create(config, host) }');
  }
  return plugin as ProviderPlugin;
}

function loggerOf(provider: number): PluginLogger {
  const at = (level: keyof PluginLogger) => (fields: object, message: string) => {
    tell({ kind: 'log', provider, level, fields: jsonOf(fields), message: String(message).slice(0, MAX_LOGGED) });
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** Logging fails no call: what is no JSON, such as a circle, is left out. */
function jsonOf(fields: object): string {
  try {
    const json = JSON.stringify(fields, plainErrors) ?? '{}';
    return json.length <= MAX_LOGGED ? json : '{}';
  } catch {
    return '{}';
  }
}

function plainErrors(_key: string, value: unknown): unknown {
  return value instanceof Error ? { name: value.name, message: value.message } : value;
}

function providerOf(plugin: ProviderPlugin, number: number): Provider {
  const open = providers.get(number);
  if (open === undefined) throw new ProviderError('unavailable', 'the provider was closed');
  if (open.made === null) {
    const host = createHost({ network, logger: loggerOf(number), cacheDir: open.cacheDir, connectMs: open.connectMs });
    open.made = { host, provider: plugin.create(open.config as Record<string, unknown>, host) };
  }
  return open.made.provider;
}

async function closeProvider(number: number): Promise<void> {
  const made = providers.get(number)?.made;
  providers.delete(number);
  if (made == null) return;
  made.host.end();
  await made.provider.close();
}

function begin(id: number, credit: number): RunningCall {
  const call: RunningCall = { abort: new AbortController(), credit, wake: () => undefined };
  calls.set(id, call);
  return call;
}

/** `models` is the only one that is called otherwise there than here. */
function methodOf(provider: Provider, method: RemoteMethod | 'stream'): (...args: unknown[]) => unknown {
  const name = method === 'models' ? 'listModels' : method;
  const found = (provider as unknown as Record<string, unknown>)[name];
  if (typeof found === 'function') return found.bind(provider) as (...args: unknown[]) => unknown;
  throw new ProviderError('not_found', `the plugin's provider has no method ${name}`);
}

async function runCall(plugin: ProviderPlugin, message: Extract<ToThread, { kind: 'call' }>): Promise<void> {
  const { id, method, request, requestId } = message;
  const { abort } = begin(id, 0);
  const call: CallContext = { signal: abort.signal, requestId };
  try {
    const run = methodOf(providerOf(plugin, message.provider), method);
    const value = await (request === null ? run(call) : run(request, call));
    tellResult(id, method, value);
  } catch (error) {
    tell({ kind: 'error', id, error: encodeError(error) });
  } finally {
    calls.delete(id);
  }
}

function tellResult(id: number, method: RemoteMethod, value: unknown): void {
  if (method === 'embed') {
    const vectors = packVectors((value as EmbedResult).vectors);
    tellValue(id, { ...(value as EmbedResult), vectors }, [vectors.values.buffer as ArrayBuffer]);
  } else if (method === 'speak') {
    const audio = new Uint8Array((value as SpeakResult).audio);
    tellValue(id, { ...(value as SpeakResult), audio }, [audio.buffer]);
  } else tellValue(id, value);
}

function tellValue(id: number, value: unknown, transfer?: ArrayBuffer[]): void {
  try {
    tell({ kind: 'result', id, value }, transfer);
  } catch (error) {
    throw malformed('holds what cannot leave its thread, such as a function', error);
  }
}

async function runStream(plugin: ProviderPlugin, message: Extract<ToThread, { kind: 'stream' }>): Promise<void> {
  const { id, request, requestId, credit } = message;
  const running = begin(id, credit);
  const call: CallContext = { signal: running.abort.signal, requestId };
  try {
    const run = methodOf(providerOf(plugin, message.provider), 'stream');
    for await (const part of run(request, call) as AsyncIterable<unknown>) {
      if (running.abort.signal.aborted) break;
      tell({ kind: 'part', id, part });
      running.credit -= 1;
      await creditOf(running);
    }
    tell({ kind: 'done', id });
  } catch (error) {
    tell({ kind: 'error', id, error: encodeError(error) });
  } finally {
    calls.delete(id);
  }
}

/** The plugin is asked for its next part when the server has room for one more. */
async function creditOf(running: RunningCall): Promise<void> {
  while (running.credit <= 0 && !running.abort.signal.aborted) {
    await new Promise<void>((resolve) => {
      running.wake = resolve;
    });
  }
}

function answer(id: number, work: Promise<unknown>): void {
  work.then(
    (value) => tell({ kind: 'result', id, value }),
    (error: unknown) => tell({ kind: 'error', id, error: encodeError(error) }),
  );
}

async function end(): Promise<void> {
  await Promise.allSettled([...providers.keys()].map(closeProvider));
  await network.close();
  process.exit(0);
}

function obey(plugin: ProviderPlugin, message: ToThread): void {
  const running = 'id' in message ? calls.get(message.id) : undefined;
  switch (message.kind) {
    case 'open':
      providers.set(message.provider, { ...message, made: null });
      break;
    case 'call':
      void runCall(plugin, message);
      break;
    case 'stream':
      void runStream(plugin, message);
      break;
    case 'credit':
      if (running !== undefined) running.credit += message.parts;
      running?.wake();
      break;
    case 'abort':
      running?.abort.abort(new ProviderError('cancelled', 'the caller has left'));
      running?.wake();
      tell({ kind: 'aborted', id: message.id });
      break;
    case 'close':
      answer(
        message.id,
        closeProvider(message.provider).then(() => null),
      );
      break;
    case 'verify':
      answer(message.id, checkPlugin(plugin));
      break;
    case 'end':
      void end();
  }
}

// A promise that the plugin has forgotten fails for itself alone.
process.on('unhandledRejection', (error) => {
  process.stderr.write(`unhandled rejection: ${encodeError(error).message}\n`);
});

try {
  const plugin = await loadPlugin();
  port.on('message', (message: ToThread) => obey(plugin, message));
  // As JSON: a manifest is data.
  tell({ kind: 'loaded', manifest: JSON.parse(JSON.stringify(plugin.manifest ?? null)) });
} catch (error) {
  tell({ kind: 'refused', message: loadFailureOf(error, specifier) });
}
