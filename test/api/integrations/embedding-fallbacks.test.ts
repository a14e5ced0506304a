import { afterAll, beforeAll, expect, test } from 'vitest';
import { VendorServer } from '../../../src/plugins/conformance/vendor-server.ts';
import { embedWire, modelList } from '../../providers/openai/wire.ts';
import type { TestServer } from '../server-harness.ts';
import { openWorkspace } from '../workspace-client.ts';
import { makeIntegration, startVendorServer } from './integration-client.ts';

const WIRE = embedWire(3, 2, 'float');
const MODELS = [{ name: 'mini', dimensions: 3 }];

let server: TestServer;
let broken: VendorServer;
let healthy: VendorServer;

beforeAll(async () => {
  server = await startVendorServer();
  broken = await VendorServer.start();
  healthy = await VendorServer.start();
});
afterAll(async () => {
  await server?.close();
  await Promise.all([broken?.close(), healthy?.close()]);
});

test('vectors come from the same model of the integration that is chosen to fall back to', async () => {
  broken.play({ do: 'reset' });
  healthy.play((request) =>
    request.path.endsWith('/models')
      ? { do: 'answer', ...modelList('mini') }
      : { do: 'answer', ...WIRE.vectors([[0, 0.6, 0.8]], 5, request) },
  );
  const client = await openWorkspace(server);
  const integrate = (name: string, vendor: VendorServer) =>
    makeIntegration(client, {
      ...{ name, pluginId: 'openai-compatible' },
      config: { baseUrl: `${vendor.url}/v1`, models: MODELS, retries: 0 },
    });
  // Neither falls back to the other by itself.
  await integrate('one', broken);
  await integrate('two', healthy);
  const { updateSettings } = await client.read<{ updateSettings: object }>(
    `mutation ($models: JSON!) { updateSettings(input: { models: $models }) { __typename ... on Error { message } } }`,
    { models: { embed: { primary: 'one/mini', fallbacks: ['two/mini'] } } },
  );
  expect(updateSettings).toEqual({ __typename: 'Settings' });
  const { embed } = await client.read<{ embed: object[] }>('{ embed(texts: ["a cat"]) { vector } }');
  expect(embed).toEqual([{ vector: [0, expect.closeTo(0.6), expect.closeTo(0.8)] }]);
  expect([broken, healthy].map(({ requests }) => requests.length)).toEqual([1, 1]);
});
