import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterAll, describe, expect, test } from 'vitest';
import { conformanceRules, pluginAt } from '../../src/plugins/conformance.ts';
import type { Provider, ProviderPlugin } from '../../src/plugins/contract.ts';
import { encodeError } from '../../src/plugins/remote/wire.ts';
import plugin from '../../src/providers/openai-compatible/plugin.ts';
import { COMPATIBLE_MODELS, COMPATIBLE_WIRE } from '../providers/openai-compatible/wire.ts';
import { testHost } from '../support/plugin-host.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const API_KEY = 'local-conformance-key';
const folder = makeTempFolder('conformance-process');

type Body = { config: Record<string, unknown>; request: unknown; requestId: string };
type Method = (...given: unknown[]) => unknown;

/** A sound plugin, spoken to over HTTP as the guide says. */
const server = createServer((message, response) => {
  serve(message, response).catch((error: unknown) => refuse(response, error));
});

async function serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = message.url?.slice(1) ?? '';
  if (path === 'manifest') return void response.end(JSON.stringify(plugin.manifest));
  const leaving = new AbortController();
  response.on('close', () => leaving.abort());
  const { config, request, requestId } = (await json(message)) as Body;
  const made = (plugin as unknown as ProviderPlugin).create(config, testHost(folder.path));
  const call = { signal: leaving.signal, requestId };
  if (path === 'stream') return serveStream(made, request, call, response);
  const name = path === 'models' ? 'listModels' : path;
  const method = (made as unknown as Record<string, Method>)[name]?.bind(made) as Method;
  const answer = await (request === null ? method(call) : method(request, call));
  response.end(JSON.stringify(answer ?? null, (_key, value) => (value instanceof Float32Array ? [...value] : value)));
}

async function serveStream(made: Provider, request: unknown, call: object, response: ServerResponse): Promise<void> {
  const parts = (made.stream as Method)(request, call) as AsyncIterable<object>;
  for await (const part of parts) {
    if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(`data: ${JSON.stringify(part)}\n\n`);
  }
  response.end();
}

function refuse(response: ServerResponse, thrown: unknown): void {
  const body = JSON.stringify({ error: encodeError(thrown) });
  if (response.headersSent) return void response.end(`event: error\ndata: ${body}\n\n`);
  response.writeHead(500).end(body);
}

await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await folder.remove();
});

describe('a plugin in a process of its own', async () => {
  const rules = conformanceRules({
    plugin: await pluginAt(url),
    config: (upstreamUrl) => ({ apiKey: API_KEY, baseUrl: `${upstreamUrl}/v1` }),
    secrets: [API_KEY],
    models: COMPATIBLE_MODELS,
    wire: COMPATIBLE_WIRE,
  });
  for (const rule of rules) test(rule.title, rule.run);

  test('is tried by as many rules as the same plugin in this process', async () => {
    expect(rules.length).toBeGreaterThan(100);
  });
});
