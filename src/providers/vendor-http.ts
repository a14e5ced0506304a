import type { CallContext, PluginHost, PostResponse } from '../plugins/contract.ts';
import { ProviderError, type ProviderErrorKind } from '../plugins/errors.ts';
import { isJsonObject, type JsonObject, jsonIn } from '../shared/json.ts';
import { hideSecrets, secretForms } from '../shared/secret-forms.ts';
import { type ServerSentEvent, serverSentEvents } from './server-sent-events.ts';

/** Of a vendor's own words in an error. */
const MAX_MESSAGE_LENGTH = 600;
/** Of one answer that is read whole. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;
/** Of secrets that were made after the provider, such as access tokens: those before are over. */
const MAX_LATER_SECRETS = 4;

/** For the end of an answer whose last event has come. */
const LINGER_MS = 100;

type HeaderMap = Readonly<Record<string, string>>;

/** What a vendor's error says beyond its status. What is left out is taken from the status. */
export interface ErrorReading {
  kind?: ProviderErrorKind | undefined;
  /** The vendor's own words. */
  message?: string | undefined;
  retryAfterMs?: number | undefined;
}

/**
 * Reads a vendor's error: from the body of a failed answer (undefined where it is not JSON), or from an event of a
 * stream, where `status` is undefined unless the event tells one.
 */
export type ErrorReader = (body: unknown, status: number | undefined) => ErrorReading;

/** A 2xx answer. */
export interface VendorAnswer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: HeaderMap;
  readonly json: JsonObject;
}

/**
 * One configuration's way to its vendor, shared by all vendor folders. Every failure leaves it as a `ProviderError`
 * without credentials; a caller's own abort leaves it as the signal's reason. Closing it aborts the calls under way.
 */
export class VendorHttp {
  readonly #host: PluginHost;
  readonly #vendor: string;
  readonly #secrets: readonly string[];
  readonly #laterSecrets: string[] = [];
  readonly #readError: ErrorReader;
  readonly #closing = new AbortController();
  readonly #underWay = new Set<AbortController>();

  /** @param parts `vendor`: the name in messages; `secrets`: what must never be in one */
  constructor(
    host: PluginHost,
    parts: { vendor: string; secrets: readonly (string | undefined)[]; readError: ErrorReader },
  ) {
    this.#host = host;
    this.#vendor = parts.vendor;
    this.#secrets = secretForms(parts.secrets);
    this.#readError = parts.readError;
    if (host.signal.aborted) this.close();
    else host.signal.addEventListener('abort', () => this.close(), { once: true });
  }

  /** Sends JSON and gives the answer with its body still to come. @throws ProviderError where it is not a 2xx */
  async post(url: string, headers: HeaderMap, body: unknown, call: CallContext): Promise<PostResponse> {
    return this.#post(url, headers, body, this.signalOf(call));
  }

  /** Sends JSON and reads JSON. @throws ProviderError */
  async postJson(url: string, headers: HeaderMap, body: unknown, call: CallContext): Promise<VendorAnswer> {
    const calling = this.#begin(call);
    try {
      const response = await this.#post(url, headers, body, calling.signal);
      const text = await response.text().catch((error: unknown) => {
        throw this.#cutShort(error);
      });
      const json = parseJsonObject(text, `${this.#vendor}'s answer`);
      return { status: response.status, headers: response.headers, json };
    } finally {
      calling.end();
    }
  }

  /**
   * Sends JSON and reads a stream of events. After the event that `isLast` tells, the rest is read no longer than it takes
   * to get the connection back for other calls. Leaving early closes the socket.
   * @param begin told the answer's headers before the first event
   */
  async *postForEvents(
    request: { url: string; headers: HeaderMap; body: unknown; isLast(event: ServerSentEvent): boolean },
    call: CallContext,
    begin: (response: PostResponse) => void | Promise<void> = () => undefined,
  ): AsyncIterable<ServerSentEvent> {
    const calling = this.#begin(call);
    let events: AsyncIterator<ServerSentEvent> | null = null;
    try {
      const response = await this.#post(request.url, request.headers, request.body, calling.signal);
      await begin(response);
      events = this.eventsOf(response)[Symbol.asyncIterator]();
      for (let next = await events.next(); next.done !== true; next = await events.next()) {
        yield next.value;
        if (!request.isLast(next.value)) continue;
        const timer = setTimeout(() => calling.abort(), LINGER_MS);
        await drain(events);
        clearTimeout(timer);
        return;
      }
    } finally {
      await events?.return?.();
      calling.end();
    }
  }

  /**
   * The events of a stream; a JSON object that came in their place, as from a server that streams nothing, is one.
   * @throws ProviderError also where that object is an error, under a status of success
   */
  eventsOf(response: PostResponse): AsyncIterable<ServerSentEvent> {
    return serverSentEvents(response, (text) => this.#wholeAnswer(text));
  }

  /** Reads JSON from an address; for lists of models and the like. @throws ProviderError */
  async getJson(url: string, headers: HeaderMap, call: CallContext): Promise<VendorAnswer> {
    return this.fetchJson(url, { headers }, call);
  }

  /** Any request that answers with JSON, in the manner of `fetch`. @throws ProviderError */
  async fetchJson(url: string, init: RequestInit, call: CallContext): Promise<VendorAnswer> {
    const response = await this.attempt(call, () => this.fetch(url, { ...init, signal: call.signal }));
    const text = await this.attempt(call, () => response.text());
    const headers = Object.fromEntries(response.headers);
    if (!response.ok) throw this.errorOf(response.status, headers, text);
    return { status: response.status, headers, json: parseJsonObject(text, `${this.#vendor}'s answer`) };
  }

  /** The host's `fetch`, for a vendor's SDK: ends with the provider too, and takes forms, as `Response` tells the SDK. */
  readonly fetch: typeof globalThis.fetch = Object.assign(
    async (input: Parameters<typeof globalThis.fetch>[0], init?: RequestInit) => {
      const signals = [init?.signal, this.#closing.signal].filter((signal) => signal != null);
      const form = init?.body instanceof FormData ? await encodeForm(init.body, init.headers) : {};
      return this.#host.fetch(input, { ...init, ...form, signal: AbortSignal.any(signals) });
    },
    { Response },
  );

  /** Makes a call by a vendor's SDK. @throws ProviderError in place of the SDK's own errors, or the abort's reason */
  async attempt<Result>(call: CallContext, work: () => Promise<Result>): Promise<Result> {
    const signal = this.signalOf(call);
    signal.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      throw this.normalise(error, signal);
    }
  }

  /** What an error of a vendor's SDK, or of `fetch`, is called here. */
  normalise(error: unknown, signal: AbortSignal): Error {
    if (signal.aborted) return signal.reason as Error;
    const known = providerErrorIn(error);
    if (known !== undefined) return known;
    const { status, headers, error: body, message } = error as SdkError;
    if (typeof status === 'number') {
      const reading = this.#readError(isJsonObject(body) && !('error' in body) ? { error: body } : body, status);
      return this.#error({ message, ...defined(reading) }, status, plainHeaders(headers));
    }
    if (error instanceof SyntaxError) return this.malformed('an answer that is not JSON');
    // Without its cause: that may repeat a header, and is logged.
    return new ProviderError('network', `the connection to ${this.#vendor} broke${codeOf(error)}`);
  }

  /** The error of an answer that failed. */
  errorOf(status: number, headers: HeaderMap, bodyText: string): ProviderError {
    // A proxy's page of HTML says nothing that its status does not.
    return this.#error(this.#readError(jsonIn(bodyText), status), status, headers);
  }

  /** The error that a 200 answer or an event of its stream holds. @param status where the event tells one */
  errorWithin(body: unknown, status?: number): ProviderError {
    return this.#error(this.#readError(body, status), status, {});
  }

  /** @param what as the end of "<vendor> sent …" */
  malformed(what: string): ProviderError {
    return new ProviderError('malformed', this.redact(`${this.#vendor} sent ${what}`));
  }

  /** Reads what a vendor sent: JSON of another shape than its own is its fault, not ours. @throws ProviderError */
  read<Result>(work: () => Result, what = 'an answer of an unknown shape'): Result {
    try {
      return work();
    } catch (error) {
      throw error instanceof ProviderError ? error : this.malformed(what);
    }
  }

  /** The whole body. @throws ProviderError where it is longer than any is read */
  async bytesOf(response: { chunks(): AsyncIterable<Uint8Array> }): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response.chunks()) {
      size += chunk.length;
      if (size > MAX_BODY_BYTES) throw this.malformed(`an answer of more than ${MAX_BODY_BYTES} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  /** Without this configuration's credentials, which vendors like to repeat. */
  redact(text: string): string {
    return hideSecrets(hideSecrets(text, this.#secrets), secretForms(this.#laterSecrets));
  }

  /** To be taken out of messages too, from now on. */
  keepSecret(secret: string): void {
    this.#laterSecrets.push(secret);
    if (this.#laterSecrets.length > MAX_LATER_SECRETS) this.#laterSecrets.shift();
  }

  /** Aborted with the caller's, or when the provider is closed. */
  signalOf(call: CallContext): AbortSignal {
    return AbortSignal.any([call.signal, this.#closing.signal]);
  }

  /** Aborts calls under way; later ones are refused. Idempotent. */
  close(): void {
    this.#closing.abort(new ProviderError('unavailable', `the provider for ${this.#vendor} was closed`));
    for (const call of this.#underWay) call.abort(this.#closing.signal.reason);
  }

  async #post(url: string, headers: HeaderMap, body: unknown, signal: AbortSignal): Promise<PostResponse> {
    signal.throwIfAborted();
    const response = await this.#host.post(url, {
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
      signal,
    });
    if (response.status >= 200 && response.status < 300) return response;
    // Its status says what is wrong, also where its words cannot be read; but a caller may have left meanwhile.
    const told = await response.text().catch(() => '');
    signal.throwIfAborted();
    throw this.errorOf(response.status, response.headers, told);
  }

  /** An answer that had begun was worked for: it is not the same as a connection that never reached the vendor. */
  #cutShort(error: unknown): unknown {
    if (!(error instanceof ProviderError) || error.kind !== 'network') return error;
    return new ProviderError('malformed', `${this.#vendor}'s answer was cut short: ${error.message}`, { cause: error });
  }

  /** @param text an answer without an event @throws ProviderError where it tells an error, which says more than its shape */
  #wholeAnswer(text: string): ServerSentEvent[] {
    const body = jsonIn(text);
    const told = Array.isArray(body) ? body[0] : body;
    if (!isJsonObject(told)) return [];
    if (told.error != null || told.type === 'error' || told.object === 'error') throw this.errorWithin(told);
    return [{ event: undefined, data: text }];
  }

  /** As `signalOf`, for a call whose end is told: `AbortSignal.any` costs more than most of what a gateway adds to a call. */
  #begin({ signal }: CallContext): { signal: AbortSignal; abort(): void; end(): void } {
    const own = new AbortController();
    const leave = () => own.abort(signal.reason);
    if (this.#closing.signal.aborted) own.abort(this.#closing.signal.reason);
    else if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true });
    this.#underWay.add(own);
    const end = () => {
      signal.removeEventListener('abort', leave);
      this.#underWay.delete(own);
    };
    return { signal: own.signal, abort: () => own.abort(), end };
  }

  #error(reading: ErrorReading, status: number | undefined, headers: HeaderMap): ProviderError {
    const kind = reading.kind ?? (status === undefined ? 'server' : kindOfStatus(status));
    const words = reading.message?.trim() || 'no reason given';
    const of = status === undefined ? '' : ` (${status})`;
    return new ProviderError(kind, this.redact(`${this.#vendor}${of}: ${words}`).slice(0, MAX_MESSAGE_LENGTH), {
      ...(status === undefined ? {} : { status }),
      ...defined({ retryAfterMs: reading.retryAfterMs ?? retryAfterMs(headers, this.#host.now()) }),
    });
  }
}

/** The errors of `openai`, `@anthropic-ai/sdk` and `@google/genai`, as far as they are alike. */
interface SdkError {
  status?: unknown;
  headers?: unknown;
  error?: unknown;
  message?: string;
}

const KIND_OF_STATUS: Readonly<Record<number, ProviderErrorKind>> = {
  401: 'authentication',
  403: 'permission',
  404: 'not_found',
  408: 'timeout',
  409: 'conflict',
  413: 'too_large',
  429: 'rate_limited',
  503: 'overloaded',
  504: 'timeout',
  529: 'overloaded',
};

/** What an HTTP status means where the vendor says no more. */
export function kindOfStatus(status: number): ProviderErrorKind {
  return KIND_OF_STATUS[status] ?? (status >= 500 ? 'server' : 'bad_request');
}

/** How long to wait, by `retry-after-ms`, or `retry-after` in seconds or as a date. */
export function retryAfterMs(headers: HeaderMap, nowMs: number): number | undefined {
  const exact = Number.parseFloat(headers['retry-after-ms'] ?? '');
  if (exact >= 0 && Number.isFinite(exact)) return Math.round(exact);
  const after = headers['retry-after']?.trim();
  if (after === undefined) return undefined;
  if (/^\d+(\.\d+)?$/.test(after)) return Math.round(Number(after) * 1_000);
  const date = Date.parse(after);
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

/** Nobody cares any more how it ends. */
async function drain(events: AsyncIterator<unknown>): Promise<void> {
  try {
    while ((await events.next()).done !== true);
  } catch {
    // The answer is whole.
  }
}

/** @param what names the text in the error @throws ProviderError of kind `malformed` */
export function parseJsonObject(text: string, what: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) return value;
  } catch {
    // The parser's message may hold a part of the text.
  }
  throw new ProviderError('malformed', `${what} is not a JSON object`);
}

/** The same direction with L2 norm 1. @throws ProviderError where there is none */
export function unitVector(values: ArrayLike<number>): Float32Array {
  let squares = 0;
  for (let index = 0; index < values.length; index += 1) squares += (values[index] as number) ** 2;
  const norm = Math.sqrt(squares);
  if (!(norm > 0 && norm < Number.POSITIVE_INFINITY)) {
    throw new ProviderError('malformed', 'the provider sent a vector without a direction');
  }
  const unit = new Float32Array(values.length);
  for (let index = 0; index < values.length; index += 1) unit[index] = (values[index] as number) / norm;
  return unit;
}

/** An SDK wraps what our own `fetch` threw. */
function providerErrorIn(error: unknown): ProviderError | undefined {
  for (let inner = error; inner instanceof Error; inner = inner.cause) {
    if (inner instanceof ProviderError) return inner;
  }
  return undefined;
}

function codeOf(error: unknown): string {
  for (let inner = error; inner instanceof Error; inner = inner.cause) {
    const { code } = inner as { code?: unknown };
    if (typeof code === 'string') return ` (${code})`;
  }
  return '';
}

/** The host's `fetch` is not the global one and does not know the global `FormData`. */
async function encodeForm(form: FormData, headers: RequestInit['headers']): Promise<Partial<RequestInit>> {
  const encoded = new Response(form);
  const withType = new Headers(headers);
  withType.set('content-type', encoded.headers.get('content-type') as string);
  return { headers: [...withType], body: await encoded.arrayBuffer() };
}

function plainHeaders(headers: unknown): HeaderMap {
  // Of the host's fetch: not the global class.
  return Object.fromEntries((headers as globalThis.Headers | undefined)?.entries?.() ?? []);
}

function defined<Value extends object>(value: Value): Partial<Value> {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as Partial<Value>;
}
