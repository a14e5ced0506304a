import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { type Provider, type ProviderPlugin, SPEC_VERSION } from '../../src/plugins/contract.ts';
import { ProviderError } from '../../src/plugins/errors.ts';

/** What a request brought to a local vendor. */
export interface VendorRequest {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A vendor on this machine that writes back what it is asked. */
export interface LocalVendor {
  url: string;
  requests: VendorRequest[];
  close(): Promise<void>;
}

/**
 * The key `sk-refused-…` gets a 401 that repeats it, as some vendors do; the prompt `be silent` gets no answer,
 * and the plugin does not count the tokens of `count oddly`.
 */
export async function startVendor(): Promise<LocalVendor> {
  const requests: VendorRequest[] = [];
  const server = createServer(async (request, response) => {
    const body = await text(request);
    requests.push({ path: request.url ?? '', headers: request.headers, body });
    const key = request.headers.authorization?.replace('Bearer ', '') ?? 'nothing';
    if (body.includes('be silent')) return;
    response.writeHead(key.startsWith('sk-refused') ? 401 : 200, { 'content-type': 'text/plain' });
    response.end(key.startsWith('sk-refused') ? `the key ${key} is not known` : `you said ${body}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

type VendorConfig = {
  baseUrl: string;
  apiKey?: string;
  organisation?: { name?: string; token?: string };
};

const plugin: ProviderPlugin<VendorConfig> = {
  manifest: {
    id: 'vendor',
    label: 'A vendor',
    version: '1.0.0',
    specVersion: SPEC_VERSION,
    capabilities: ['GENERATE'],
    configSchema: {
      type: 'object',
      additionalProperties: false,
      required: ['baseUrl'],
      properties: {
        baseUrl: { type: 'string', format: 'uri' },
        apiKey: { type: 'string', minLength: 8, secret: true },
        organisation: {
          type: 'object',
          additionalProperties: false,
          properties: { name: { type: 'string' }, token: { type: 'string', secret: true } },
        },
        region: { type: 'string' },
        tone: { enum: ['dry', 'warm'] },
      },
    },
    models: [
      {
        name: 'parrot',
        capabilities: ['GENERATE'],
        inputUsdPerMillion: '1',
        outputUsdPerMillion: '2',
      },
    ],
  },
  create: ({ baseUrl, apiKey }, host): Provider => {
    const ask = async (path: string, body: string, signal: AbortSignal) => {
      const headers = apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` };
      const response = await host.post(baseUrl + path, { headers, body, signal });
      const answer = await response.text();
      if (response.status === 200) return answer;
      throw new ProviderError('authentication', `the vendor refuses: ${answer}`, { status: response.status });
    };
    return {
      generate: async (request, { signal }) => {
        const [message] = request.messages;
        const part = message?.role === 'user' ? message.parts[0] : undefined;
        const answer = await ask('/generate', part?.kind === 'text' ? part.text : '', signal);
        const inputTokens = answer.includes('count oddly') ? Number.NaN : 1_000;
        const usage = { inputTokens, outputTokens: 500 };
        return { text: answer, toolCalls: [], finishReason: 'stop', usage, model: request.model };
      },
      listModels: async () => [{ name: 'listed', capabilities: ['GENERATE'] }],
      spend: async () => {
        if (apiKey?.startsWith('sk-refused')) throw new ProviderError('authentication', 'the vendor refuses');
        return { totalUsd: '1.5' };
      },
      check: async ({ signal }) => {
        await ask('/check', '', signal);
      },
      close: async () => undefined,
    };
  },
};

/** A plugin for such a vendor, as somebody else might write one. */
export const VENDOR_PLUGIN = plugin as ProviderPlugin;
