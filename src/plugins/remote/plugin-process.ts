import { createParser, type EventSourceMessage } from 'eventsource-parser';
import type { CallContext, GenerateRequest, PluginHost, PostResponse } from '../contract.ts';
import { ProviderError, type ProviderErrorKind } from '../errors.ts';
import type { RemoteConnection } from './remote-provider.ts';
import { decodeError, malformed, type RemoteMethod } from './wire.ts';

/** One event of a stream: an image in a tool's arguments would be some megabytes. */
const EVENT_MAX_CHARACTERS = 16 * 1024 * 1024;

/** A provider in a process of its own, spoken to as docs/writing-a-provider.md says. */
export function connectProcess(url: string, config: unknown, host: PluginHost): RemoteConnection {
  const post = async (path: string, accept: string, request: unknown, call: CallContext) => {
    const response = await host.post(`${url}/${path}`, {
      headers: { 'content-type': 'application/json', accept, 'x-request-id': call.requestId },
      body: JSON.stringify({ config, request, requestId: call.requestId }),
      signal: call.signal,
    });
    if (response.status !== 200) throw await refusalOf(response);
    return response;
  };
  return {
    ask: async (method, request, call) => {
      const response = await post(method, 'application/json', encodeRequest(method, request), call);
      return decodeAnswer(method, parseJson(await response.text()));
    },
    stream: async function* (request: GenerateRequest, call) {
      const response = await post('stream', 'text/event-stream', request, call);
      yield* readEvents(response);
    },
    close: async () => undefined,
  };
}

function encodeRequest(method: RemoteMethod, request: unknown): unknown {
  if (method !== 'transcribe') return request;
  const { audio, ...rest } = request as { audio: Uint8Array };
  return { ...rest, audio: Buffer.from(audio).toString('base64') };
}

function decodeAnswer(method: RemoteMethod, answer: unknown): unknown {
  if (method === 'embed') {
    const vectors = (answer as { vectors?: unknown } | null)?.vectors;
    if (!Array.isArray(vectors)) throw malformed('to embed has no vectors');
    return { ...(answer as object), vectors: vectors.map(decodeVector) };
  }
  if (method === 'speak') {
    const audio = (answer as { audio?: unknown } | null)?.audio;
    if (typeof audio !== 'string') throw malformed('to speak has no audio');
    return { ...(answer as object), audio: new Uint8Array(Buffer.from(audio, 'base64')) };
  }
  return answer;
}

/** An array of numbers, or base64 of little-endian 32-bit floats. */
function decodeVector(given: unknown): Float32Array {
  if (Array.isArray(given)) {
    if (!given.every((value) => typeof value === 'number')) throw malformed('to embed has a vector of other things');
    return Float32Array.from(given as number[]);
  }
  const bytes = Buffer.from(typeof given === 'string' ? given : '', 'base64');
  if (bytes.length === 0 || bytes.length % 4 !== 0) throw malformed('to embed has a vector that is none');
  // Its own memory begins at a multiple of four, and every machine that runs Node here is little-endian.
  return new Float32Array(new Uint8Array(bytes).buffer);
}

/** @throws ProviderError as the process has told it, or by the status where it has told nothing that we understand */
async function refusalOf(response: PostResponse): Promise<ProviderError> {
  const { status, headers } = response;
  const told = decodeError(errorIn(await response.text()));
  if (told !== null) return told;
  const seconds = Number(headers['retry-after']);
  return new ProviderError(kindOf(status), `the plugin's process has answered with the status ${status}`, {
    status,
    ...(Number.isFinite(seconds) && seconds >= 0 ? { retryAfterMs: seconds * 1_000 } : {}),
  });
}

function errorIn(body: string): unknown {
  try {
    return (JSON.parse(body) as { error?: unknown } | null)?.error;
  } catch {
    return undefined;
  }
}

function kindOf(status: number): ProviderErrorKind {
  if (status < 400) return 'malformed';
  if (status === 404) return 'not_found';
  if (status === 429) return 'rate_limited';
  return status === 503 ? 'unavailable' : 'server';
}

/** @throws ProviderError where an `error` event comes, or something that is no event */
async function* readEvents(response: PostResponse): AsyncGenerator<unknown> {
  const events: EventSourceMessage[] = [];
  const parser = createParser({
    maxBufferSize: EVENT_MAX_CHARACTERS,
    onEvent: (event) => events.push(event),
    onError: (error) => {
      if (error.type === 'max-buffer-size-exceeded') throw malformed('has an event that is too long', error);
    },
  });
  const decoder = new TextDecoder();
  for await (const chunk of response.chunks()) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    for (const { event, data } of events.splice(0)) {
      if (event !== 'error') yield parseJson(data);
      else throw decodeError(errorIn(data)) ?? malformed('has an error event that says nothing');
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw malformed('is not JSON', error);
  }
}
