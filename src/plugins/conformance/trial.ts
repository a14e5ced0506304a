import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import type { CallContext, Capability, PluginLogger, Provider, StreamPart, ToolCall } from '../contract.ts';
import { ProviderError, type ProviderErrorKind } from '../errors.ts';
import { createHost } from '../host.ts';
import { PluginNetwork } from '../network.ts';
import type { ConformanceSubject } from './subject.ts';
import { type RecordedRequest, type Script, VendorServer } from './vendor-server.ts';

/** A rule that has not come to its end by then is broken. */
const RULE_TIMEOUT_MS = 10_000;
/** For what a provider must do within 100 ms; generous, since a busy machine proves nothing. */
const SOON_MS = 3_000;
const POLL_MS = 5;

/** What every provider must do, as a test of its own; needs no test runner. */
export interface ConformanceRule {
  readonly title: string;
  /** Throws where the rule is broken. */
  run(): Promise<void>;
}

/** Makes rules of one subject. */
export type RuleMaker = (title: string, body: (trial: Trial) => Promise<void>) => ConformanceRule;

export function ruleMaker(subject: ConformanceSubject): RuleMaker {
  return (title, body) => ({ title, run: () => runRule(subject, body) });
}

export function promises(subject: ConformanceSubject, capability: Capability): boolean {
  return subject.plugin.manifest.capabilities.includes(capability);
}

async function runRule(subject: ConformanceSubject, body: (trial: Trial) => Promise<void>): Promise<void> {
  const cacheDir = await mkdtemp(join(tmpdir(), 'conformance-'));
  const server = await VendorServer.start();
  const network = new PluginNetwork({ allowPrivate: true });
  const log: string[] = [];
  const host = createHost({ network, cacheDir, logger: recordingLogger(log) });
  try {
    const provider = subject.plugin.create(subject.config(server.url), host);
    await within(RULE_TIMEOUT_MS, 'the end of the rule', body(new Trial(subject, provider, server)));
    assertWithoutSecrets(log, subject.secrets);
    await within(SOON_MS, 'the provider to close', provider.close());
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
  readonly #server: VendorServer;

  constructor(subject: ConformanceSubject, provider: Provider, server: VendorServer) {
    this.subject = subject;
    this.provider = provider;
    this.#server = server;
  }

  /** What is done with the requests of the call under test. Forgets earlier ones. */
  play(script: Script | ((request: RecordedRequest) => Script)): void {
    this.requests.length = 0;
    this.#server.play((request) => {
      const aside = this.subject.wire.aside?.(request);
      if (aside !== undefined) return { do: 'answer', ...aside };
      this.requests.push(request);
      return typeof script === 'function' ? script(request) : script;
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
  async providerError(work: () => Promise<unknown>, ...kinds: ProviderErrorKind[]): Promise<ProviderError> {
    const error = await this.failure(work);
    assert.ok(error instanceof ProviderError, `should be a ProviderError: ${inspect(error)}`);
    assert.ok(
      kinds.includes(error.kind),
      `the kind should be ${kinds.join(' or ')}, but is ${error.kind}: ${error.message}`,
    );
    return error;
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

/** @throws where it does not settle by then */
export async function within<Result>(timeoutMs: number, what: string, work: Promise<Result>): Promise<Result> {
  const timer = new AbortController();
  const expiry = sleep(timeoutMs, undefined, { signal: timer.signal }).then(() => {
    throw new assert.AssertionError({ message: `waited ${timeoutMs} ms for ${what}` });
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
  return within(SOON_MS, 'the socket to be closed', request.abandoned);
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
