import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import type { CallContext, Capability, PluginLogger, Provider, StreamPart, ToolCall } from '../contract.ts';
import type { ProviderErrorKind } from '../errors.ts';
import { createHost, type OwnedHost } from '../host.ts';
import { PluginNetwork } from '../network.ts';
import type { ConformanceSubject, WireFailure } from './subject.ts';
import { type RecordedRequest, type Script, VendorServer } from './vendor-server.ts';

/** A rule that has not come to its end by then is broken. */
const RULE_TIMEOUT_MS = 10_000;
/** For what a provider must do within 100 ms; generous, since a busy machine proves nothing. */
const SOON_MS = 3_000;
const POLL_MS = 5;

/** What a test runner hands to its tests; those of `node:test` and of Vitest have it. */
export interface RuleContext {
  skip(why?: string): unknown;
}

/** What every provider must do, as a test of its own; needs no test runner. */
export interface ConformanceRule {
  readonly title: string;
  /**
   * Throws where the rule is broken. One that is about something that the vendor does not have is left out, which the
   * context is told by its `skip`, with the reason.
   */
  run(context?: RuleContext): Promise<void>;
}

/** A failure as the server reads it, whatever class it is of. */
export interface ProviderFailure {
  readonly kind: ProviderErrorKind;
  readonly message: string;
  readonly status?: number;
  readonly retryAfterMs?: number;
}

/** Makes rules of one subject. */
export type RuleMaker = (title: string, body: (trial: Trial) => Promise<void>) => ConformanceRule;

export function ruleMaker(subject: ConformanceSubject): RuleMaker {
  return (title, body) => ({
    title,
    // Without a parameter by its length: some runners would wait for its being called.
    run: async (...[context]) => {
      const leftOut = await runRule(subject, body);
      if (leftOut !== undefined) context?.skip(leftOut);
    },
  });
}

export function promises(subject: ConformanceSubject, capability: Capability): boolean {
  return subject.plugin.manifest.capabilities.includes(capability);
}

/** @returns why the rule was left out */
async function runRule(
  subject: ConformanceSubject,
  body: (trial: Trial) => Promise<void>,
): Promise<string | undefined> {
  const cacheDir = await mkdtemp(join(tmpdir(), 'conformance-'));
  const server = await VendorServer.start();
  const network = new PluginNetwork({ allowPrivate: true });
  const log: string[] = [];
  const host = createHost({ network, cacheDir, logger: recordingLogger(log) });
  try {
    const trial = new Trial(subject, {
      provider: subject.plugin.create(subject.config(server.url), host),
      host,
      server,
    });
    const leftOut = await trial.settle(within(RULE_TIMEOUT_MS, 'the rule was still running', 'its start', body(trial)));
    if (leftOut !== undefined) return leftOut;
    assertWithoutSecrets(log, subject.secrets);
    await within(SOON_MS, 'close() was still running', 'its call', trial.close());
    return undefined;
  } finally {
    host.end();
    await network.close();
    await server.close();
    await rm(cacheDir, { recursive: true, force: true });
  }
}

/** One provider of the subject's before a server that plays its vendor. */
export class Trial {
  readonly subject: ConformanceSubject;
  readonly provider: Provider;
  /** Requests of the call under test. */
  readonly requests: RecordedRequest[] = [];
  readonly #host: OwnedHost;
  readonly #server: VendorServer;
  #leftOut: string | undefined;
  /** What the subject's wire threw over a request: the provider saw a broken connection. */
  #wireFailure: unknown;

  constructor(subject: ConformanceSubject, parts: { provider: Provider; host: OwnedHost; server: VendorServer }) {
    this.subject = subject;
    this.provider = parts.provider;
    this.#host = parts.host;
    this.#server = parts.server;
  }

  /** Closes the provider as the server does: `host.signal` is aborted first. */
  async close(): Promise<void> {
    this.#host.end();
    await this.provider.close();
  }

  /** The rule is about something that the vendor does not have: whatever comes of it says nothing. */
  leaveOut(why: string): void {
    this.#leftOut ??= why;
  }

  /**
   * Waits for a rule.
   * @returns why it was left out
   * @throws where it is broken
   */
  async settle(rule: Promise<void>): Promise<string | undefined> {
    try {
      await rule;
    } catch (error) {
      if (this.#leftOut !== undefined) return this.#leftOut;
      if (this.#wireFailure === undefined) throw error;
      const { message } = this.#wireFailure as Error;
      throw new Error(`the subject's wire failed over a request: ${message}`, { cause: this.#wireFailure });
    }
    return this.#leftOut;
  }

  /** What is done with the requests of the call under test. Forgets earlier ones. */
  play(script: Script | ((request: RecordedRequest) => Script)): void {
    this.requests.length = 0;
    this.#server.play((request) => {
      try {
        const aside = this.subject.wire.aside?.(request);
        if (aside !== undefined) return { do: 'answer', ...aside };
        this.requests.push(request);
        return typeof script === 'function' ? script(request) : script;
      } catch (error) {
        this.#wireFailure ??= error;
        throw error;
      }
    });
  }

  /** The vendor fails in a certain way; where it never does, the rule is left out. */
  playFailure(failure: WireFailure): void {
    this.play((request) => {
      const answer = this.subject.wire.failure(failure, request);
      if (answer !== undefined) return { do: 'answer', ...answer, headers: { ...answer.headers, ...failure.headers } };
      this.leaveOut(`the vendor never fails by ${failure.cause}, says the subject's wire.failure`);
      return { do: 'answer', status: 500, body: '' };
    });
  }

  /** The first request of the call under test, once it has come. */
  async request(): Promise<RecordedRequest> {
    for (let waitedMs = 0; waitedMs < SOON_MS; waitedMs += POLL_MS) {
      const [first] = this.requests;
      if (first !== undefined) return first;
      await sleep(POLL_MS);
    }
    throw new assert.AssertionError({ message: 'no request came' });
  }

  /** What a call is rejected with. Whatever it is, it holds no credential. */
  async failure(work: () => Promise<unknown>): Promise<unknown> {
    let result: unknown;
    try {
      result = await work();
    } catch (error) {
      assertWithoutSecrets(error, this.subject.secrets);
      return error;
    }
    throw new assert.AssertionError({ message: `the call should have failed, but gave ${inspect(result)}` });
  }

  /** Checks that a call is rejected with one of these kinds. */
  async providerError(work: () => Promise<unknown>, ...kinds: ProviderErrorKind[]): Promise<ProviderFailure> {
    const error = await this.failure(work);
    const thrown = typeof error === 'object' && error !== null ? (error as Record<string, unknown>) : {};
    const { name, kind, message } = thrown;
    assert.ok(
      name === 'ProviderError',
      `what is thrown should have the name ProviderError and a kind: ${inspect(error)}`,
    );
    assert.ok(
      kinds.includes(kind as ProviderErrorKind),
      `the kind should be ${kinds.join(' or ')}, but is ${String(kind)}: ${String(message)}`,
    );
    assert.ok(typeof message === 'string' && message !== '', 'an error should have a message');
    for (const field of ['status', 'retryAfterMs']) {
      const value = thrown[field];
      assert.ok(value === undefined || Number.isFinite(value), `${field} should be a number: ${inspect(value)}`);
    }
    return error as ProviderFailure;
  }
}

/** A call of a caller that stays. */
export function call(signal: AbortSignal = new AbortController().signal): CallContext {
  return { signal, requestId: 'conformance' };
}

/** A streamed answer, put together again. */
export interface Collected {
  parts: StreamPart[];
  text: string;
  toolCalls: ToolCall[];
  finish: Extract<StreamPart, { kind: 'finish' }>;
}

/** Reads a stream to its end, and checks that it has exactly one finish, as its last part. */
export async function collect(stream: AsyncIterable<StreamPart> | undefined): Promise<Collected> {
  assert.ok(stream !== undefined, 'the provider does not stream');
  const parts: StreamPart[] = [];
  for await (const part of stream) parts.push(part);
  const finish = parts.at(-1);
  assert.ok(finish?.kind === 'finish', 'the last part should be the finish');
  assert.equal(parts.filter(({ kind }) => kind === 'finish').length, 1, 'there should be one finish');
  return { parts, text: textOf(parts), toolCalls: toolCallsOf(parts), finish };
}

function textOf(parts: readonly StreamPart[]): string {
  return parts.map((part) => (part.kind === 'text' ? part.text : '')).join('');
}

function toolCallsOf(parts: readonly StreamPart[]): ToolCall[] {
  const calls: { id: string; name: string; arguments: string }[] = [];
  for (const part of parts) {
    if (part.kind !== 'toolCall') continue;
    const known = calls[part.index];
    if (known !== undefined) {
      known.arguments += part.arguments;
      continue;
    }
    assert.equal(part.index, calls.length, 'tool calls should be numbered from 0');
    assert.ok(part.id && part.name, 'the first piece of a tool call should have its id and name');
    calls.push({ id: part.id, name: part.name, arguments: part.arguments });
  }
  return calls;
}

/**
 * @param still what is wrong where it does not settle by then
 * @param after what the time is counted from
 */
async function within<Result>(timeoutMs: number, still: string, after: string, work: Promise<Result>): Promise<Result> {
  const timer = new AbortController();
  const expiry = sleep(timeoutMs, undefined, { signal: timer.signal }).then(() => {
    throw new assert.AssertionError({ message: `${still} ${timeoutMs / 1_000} s after ${after}` });
  });
  try {
    return await Promise.race([work, expiry]);
  } finally {
    timer.abort();
    expiry.catch(() => undefined);
  }
}

/** Checks that the client has closed the request's connection, before the answer was at its end. */
export function assertAbandoned(request: RecordedRequest): Promise<void> {
  return within(SOON_MS, 'the socket was still open', 'the end of its call', request.abandoned);
}

/** Checks that a call ends when its provider is closed: `failure` settles when it has failed. */
export function assertEndsByClose(failure: Promise<unknown>): Promise<unknown> {
  return within(SOON_MS, 'the call was still running', 'close()', failure);
}

function assertWithoutSecrets(value: unknown, secrets: readonly string[]): void {
  const shown = inspect(value, { depth: 12, showHidden: true });
  for (const secret of secrets) assert.ok(!shown.includes(secret), 'a credential is in an error or in the log');
}

function recordingLogger(log: string[]): PluginLogger {
  const record = (fields: object, message: string): void => {
    log.push(`${message} ${inspect(fields, { depth: 12 })}`);
  };
  return { debug: record, info: record, warn: record, error: record };
}
