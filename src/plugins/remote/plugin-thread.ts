import { setTimeout as sleep } from 'node:timers/promises';
import { isJsonObject } from '../../shared/json.ts';
import type { CallContext, GenerateRequest, PluginHost, PluginLogger, PluginManifest } from '../contract.ts';
import { ProviderError } from '../errors.ts';
import { DEFAULT_CONNECT_MS, type OwnedHost } from '../host.ts';
import { type Redaction, redactionOf } from './redaction.ts';
import type { RemoteConnection } from './remote-provider.ts';
import { RunningThread, type ThreadListener } from './running-thread.ts';
import type { ThreadData } from './thread-messages.ts';
import type { RemoteMethod } from './wire.ts';

/** Between the starts of a thread that ends again and again; doubled with each end. */
const RESTART_MS = 1_000;
const MAX_RESTART_MS = 30_000;
const DRAIN_POLL_MS = 100;
const OUTPUT_MAX_CHARACTERS = 2_000;
const NAME_MAX_CHARACTERS = 100;

interface OpenProvider {
  config: unknown;
  cacheDir: string;
  connectMs: number;
  logger: PluginLogger;
  redact: Redaction;
}

/** The thread of one plugin, started again by the next call where it has ended. */
export class PluginThread {
  readonly #data: ThreadData;
  readonly #logger: PluginLogger;
  /** Of the plugin, for the log: its id, once that is known. */
  #name: string;
  readonly #providers = new Map<number, OpenProvider>();
  #lastProvider = 0;
  #current: Promise<RunningThread> | null = null;
  #isClosed = false;
  #startedAtMs = 0;
  /** Lives in a row that ended without one answer, or did not begin. */
  #failures = 0;

  constructor(data: ThreadData, logger: PluginLogger) {
    this.#data = data;
    this.#name = data.specifier;
    this.#logger = logger;
  }

  /**
   * Loads the plugin.
   * @returns its manifest as it came, unchecked, and a way to have the rest of it checked
   * @throws PluginRefusedError
   */
  async load(): Promise<{ manifest: unknown; verify: () => Promise<unknown> }> {
    const { thread, manifest } = await this.#start();
    this.#current = Promise.resolve(thread);
    const id = isJsonObject(manifest) ? manifest.id : undefined;
    if (typeof id === 'string') this.#name = id.slice(0, NAME_MAX_CHARACTERS);
    return { manifest, verify: () => thread.verify() };
  }

  /** A provider of its own; the plugin makes it at the first call. */
  connect(manifest: PluginManifest, config: unknown, host: PluginHost): RemoteConnection {
    const number = ++this.#lastProvider;
    const redact = redactionOf(manifest.configSchema, config);
    const { cacheDir, logger } = host;
    // The server's own hosts tell it; it is no part of the contract.
    const { connectMs = DEFAULT_CONNECT_MS } = host as Partial<OwnedHost>;
    this.#providers.set(number, { config, cacheDir, connectMs, logger, redact });
    return {
      ask: (method, request, call) => this.#ask(number, method, request, call),
      stream: (request, call) => this.#stream(number, request, call),
      close: async () => {
        const thread = await this.#alive();
        await thread?.close(number);
        this.#providers.delete(number);
      },
    };
  }

  /** @param drainMs how long calls under way may take to finish */
  async close(drainMs = 0): Promise<void> {
    const deadline = performance.now() + drainMs;
    const thread = await this.#alive();
    while (thread?.isAlive && !thread.isIdle && performance.now() < deadline) {
      await sleep(DRAIN_POLL_MS, undefined, { ref: false });
    }
    this.#isClosed = true;
    await (await this.#alive())?.end();
  }

  async #ask(number: number, method: RemoteMethod, request: unknown, call: CallContext): Promise<unknown> {
    const thread = await this.#threadFor(number);
    return thread.ask(number, method, request, call);
  }

  async *#stream(number: number, request: GenerateRequest, call: CallContext): AsyncGenerator<unknown> {
    const thread = await this.#threadFor(number);
    yield* thread.stream(number, request, call);
  }

  async #threadFor(number: number): Promise<RunningThread> {
    const provider = this.#providers.get(number);
    if (this.#isClosed || provider === undefined) throw new ProviderError('unavailable', 'the plugin was closed');
    if (this.#current === null) {
      this.#refuseTooSoon();
      this.#current = this.#restart();
    }
    const thread = await this.#current;
    thread.open(number, provider);
    return thread;
  }

  async #alive(): Promise<RunningThread | null> {
    return (await this.#current?.catch(() => null)) ?? null;
  }

  #refuseTooSoon(): void {
    const pauseMs = Math.min(RESTART_MS * 2 ** Math.max(0, this.#failures - 1), MAX_RESTART_MS);
    const retryAfterMs = Math.ceil(this.#startedAtMs + pauseMs - performance.now());
    if (retryAfterMs <= 0) return;
    const message = "the plugin's thread has ended; it is started again in a moment";
    throw new ProviderError('unavailable', message, { retryAfterMs });
  }

  async #restart(): Promise<RunningThread> {
    try {
      return (await this.#start()).thread;
    } catch (error) {
      this.#current = null;
      this.#failures += 1;
      throw new ProviderError('unavailable', (error as Error).message, { retryAfterMs: RESTART_MS });
    }
  }

  async #start(): Promise<{ thread: RunningThread; manifest: unknown }> {
    this.#startedAtMs = performance.now();
    const started = await RunningThread.start(this.#data, this.#listener());
    const { thread } = started;
    void thread.ended.then(() => {
      this.#current = null;
      this.#failures = thread.hasAnswered ? 0 : this.#failures + 1;
      if (!this.#isClosed)
        this.#logger.warn({ plugin: this.#name }, 'the thread of a plugin has ended; the next call starts it again');
    });
    return started;
  }

  #listener(): ThreadListener {
    return {
      log: ({ provider, level, fields, message }) => {
        const open = this.#providers.get(provider);
        open?.logger[level](open.redact(objectIn(fields)), open.redact(message));
      },
      output: (line) => {
        const redacted = [...this.#providers.values()].reduce((text, { redact }) => redact(text), line);
        const output = redacted.slice(0, OUTPUT_MAX_CHARACTERS);
        this.#logger.info({ plugin: this.#name, output }, 'a plugin has written a line');
      },
    };
  }
}

/** Nothing where it is no JSON of an object: a log has no use for it then. */
function objectIn(json: string): object {
  try {
    const value: unknown = JSON.parse(json);
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}
