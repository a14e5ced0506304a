import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Provider, type ProviderPlugin, SPEC_VERSION } from '../../../src/plugins/contract.ts';
import { waitFor } from '../../support/wait-for.ts';
import { makeIntegration } from '../integrations/integration-client.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace } from '../workspace-client.ts';
import { insertMany, isCompleted, process, scriptedEmbedding, untilJob } from './processing-client.ts';

/** Calls that the vendor has not answered. */
let unanswered = 0;
const answer = Promise.withResolvers<void>();

const STUCK: ProviderPlugin = {
  manifest: {
    ...{ id: 'stuck', label: 'A vendor that takes its time', version: '1.0.0', specVersion: SPEC_VERSION },
    ...{ capabilities: ['EMBED'], configSchema: { type: 'object', properties: {}, additionalProperties: false } },
  },
  create: (): Provider => ({
    embed: async ({ texts, model }) => {
      unanswered += 1;
      await answer.promise;
      unanswered -= 1;
      return { vectors: texts.map(() => Float32Array.of(1, 0)), tokenCounts: texts.map(() => 1), model };
    },
    listModels: async () => [{ name: 'slow', capabilities: ['EMBED'], dimensions: 2 }],
    check: async () => undefined,
    close: async () => undefined,
  }),
};

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ plugins: [STUCK], wrapProvider: scriptedEmbedding().wrap });
});
afterAll(async () => {
  answer.resolve();
  await server?.close();
});

test('a workspace whose vendor does not answer holds up no other one', async () => {
  const [stuck, other] = [await openWorkspace(server), await openWorkspace(server)];
  await makeIntegration(stuck, { name: 'far', pluginId: 'stuck', config: {} });
  await stuck.read(
    'mutation ($models: JSON!) { updateSettings(input: { models: $models }) { __typename ... on Error { message } } }',
    { models: { embed: { primary: 'far/slow' } } },
  );
  await insertMany(server.app, stuck.id, await stuck.createCollection(), 500);
  const waiting = await process(stuck, { filter: {}, tasks: ['EMBED'] });
  await waitFor('as many calls as there may be', () => unanswered === 3);
  await insertMany(server.app, other.id, await other.createCollection(), 5);
  const { id } = await process(other, { filter: {}, tasks: ['EMBED'] });
  expect((await untilJob(other, id, isCompleted)).result).toEqual({ done: 5, failed: 0 });
  expect(unanswered).toBe(3);
  answer.resolve();
  expect((await untilJob(stuck, waiting.id, isCompleted)).result).toEqual({ done: 500, failed: 0 });
});
