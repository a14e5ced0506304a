/** A provider plugin for an imaginary vendor, with all that the conformance suite asks for: see acme.test.ts. */
import type { CallContext, EmbeddingTraits, PostResponse, ProviderPlugin } from '../../src/plugins/contract.ts';

const TRAITS: EmbeddingTraits = {
  ...{ maxBatch: 16, maxInputTokens: 500, chunkWords: 120, sameMeaning: 0.8, hybridVectorWeight: 0.5 },
};
const KINDS: Record<number, string> = {
  ...{ 401: 'authentication', 403: 'permission', 404: 'not_found', 408: 'timeout', 409: 'conflict', 413: 'too_large' },
  ...{ 429: 'rate_limited', 503: 'unavailable', 504: 'timeout', 529: 'overloaded' },
};

const plugin: ProviderPlugin<{ apiKey: string; baseUrl?: string }> = {
  manifest: {
    ...{ id: 'acme', label: 'Acme', version: '1.0.0', specVersion: 1, capabilities: ['EMBED', 'GENERATE'] },
    configSchema: {
      type: 'object',
      properties: { apiKey: { type: 'string', minLength: 8, secret: true }, baseUrl: { type: 'string' } },
      required: ['apiKey'],
      additionalProperties: false,
    },
    models: [
      { name: 'anvil', capabilities: ['GENERATE'], contextTokens: 8_000 },
      { name: 'acme-vec', capabilities: ['EMBED'], dimensions: 8, embedding: TRAITS },
    ],
  },
  create({ apiKey, baseUrl = 'https://api.acme.example' }, host) {
    const ask = async (path: string, body: object, call: CallContext): Promise<Record<string, unknown>> => {
      const signal = AbortSignal.any([call.signal, host.signal]);
      const headers = { 'content-type': 'application/json', 'x-acme-key': apiKey, 'x-request-id': call.requestId };
      const answer = await host.post(baseUrl + path, { headers, body: JSON.stringify(body), signal });
      if (answer.status !== 200) throw await refusalOf(answer, apiKey, host.now());
      const json = jsonOf(await answer.text());
      return json ?? fail('malformed', 'Acme has answered with something else than JSON');
    };
    return {
      async embed({ model, texts, dimensions }, call) {
        if (dimensions !== undefined) fail('bad_request', 'vectors of Acme have 8 dimensions');
        if (texts.length < 1 || texts.length > TRAITS.maxBatch)
          fail('bad_request', `give 1 to ${TRAITS.maxBatch} texts`);
        const cut = texts.map((text) => text.slice(0, 4 * TRAITS.maxInputTokens));
        const { vectors } = (await ask('/vectors', { model, texts: cut }, call)) as { vectors?: number[][] };
        if (vectors?.length !== texts.length) fail('malformed', 'Acme has answered with another number of vectors');
        // Acme counts no tokens: four characters are about one.
        return { vectors: vectors.map(unitOf), tokenCounts: cut.map((text) => Math.ceil(text.length / 4)), model };
      },
      async generate({ model, messages, maxOutputTokens, ...others }, call) {
        const other = Object.entries(others).find(([, value]) => value !== undefined);
        if (other !== undefined) fail('bad_request', `Acme has no ${other[0]}`);
        const lines = messages.map((said) => {
          if ('text' in said) return { role: said.role, text: said.text };
          const texts = said.parts.map((part) => (part.kind === 'text' ? part.text : fail('bad_request', 'text only')));
          return { role: said.role, text: texts.join('') };
        });
        const { text, met_limit } = await ask('/answer', { model, lines, limit: maxOutputTokens }, call);
        if (typeof text !== 'string') fail('malformed', 'Acme has answered without a text');
        // Acme tells no tokens: Signalbox counts them where both are 0.
        const usage = { inputTokens: 0, outputTokens: 0 };
        return { text, toolCalls: [], finishReason: met_limit === true ? 'length' : 'stop', usage, model };
      },
      listModels: async () => [],
      check: async (call) => void (await ask('/check', {}, call)),
      // `host.signal` has ended the calls under way, and ends later ones before they are sent.
      close: async () => undefined,
    };
  },
};
export default plugin;

async function refusalOf(answer: PostResponse, apiKey: string, now: number): Promise<Error> {
  const { status } = answer;
  const told = answer.headers['retry-after'];
  const waitMs = /^\d+$/.test(told ?? '') ? Number(told) * 1_000 : Date.parse(told ?? '') - now;
  const { error, reason } = jsonOf(await answer.text()) ?? {};
  const kind = typeof reason === 'string' ? reason : (KINDS[status] ?? (status >= 500 ? 'server' : 'bad_request'));
  // Vendors like to repeat what was wrong, the key included.
  const message = String(error ?? `Acme has answered with ${status}`).replaceAll(apiKey, '[redacted]');
  return providerError(kind, message, { status, ...(waitMs >= 0 ? { retryAfterMs: waitMs } : {}) });
}

function unitOf(numbers: unknown): Float32Array {
  const length = Array.isArray(numbers) && numbers.length === 8 ? Math.hypot(...(numbers as number[])) : 0;
  if (!(length > 0 && length < Infinity)) fail('malformed', 'Acme has answered with a vector that has no direction');
  return Float32Array.from(numbers as number[], (value) => value / length);
}

function jsonOf(text: string): Record<string, unknown> | null {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return null;
  }
}

function fail(kind: string, message: string): never {
  throw providerError(kind, message);
}

/** The server knows it by its name and kind. */
function providerError(kind: string, message: string, more: { status?: number; retryAfterMs?: number } = {}): Error {
  return Object.assign(new Error(message), { name: 'ProviderError', kind, ...more });
}
