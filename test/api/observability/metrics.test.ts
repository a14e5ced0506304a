import { afterAll, beforeAll, expect, test } from 'vitest';
import { ProviderError } from '../../../src/plugins/errors.ts';
import { ScriptedModels, says } from '../openai-door/scripted-provider.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

const models = new ScriptedModels();
let server: TestServer;
let workspace: WorkspaceClient;
beforeAll(async () => {
  // Jobs wait: nobody works them.
  server = await startTestServer({ wrapProvider: models.wrap, environment: { SIGNALBOX_WORKER: '0' } });
  workspace = await openWorkspace(server);
});
afterAll(() => server.close());

/** Values by metric with its labels. */
async function readMetrics(): Promise<Map<string, number>> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith('ai_'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

async function chat(content: string): Promise<Response> {
  return fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${workspace.ownerKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'local/writer', messages: [{ role: 'user', content }] }),
    signal: AbortSignal.timeout(50_000),
  });
}

test('/metrics tells of model calls: time, tokens, cost, errors, cache hits, queues and open circuits', async () => {
  const collectionId = await workspace.createCollection();
  await workspace.upsert({ collectionId, documents: [{ text: 'A ferry.' }] });
  models.play('writer', [new ProviderError('overloaded', 'busy')], says('Yes.'));
  expect((await chat('Well?')).status).toBe(200);
  expect((await chat('Well?')).status).toBe(200);

  const before = await readMetrics();
  const duration = (outcome: string) =>
    `ai_processing_duration_seconds_count{operation="chat",provider="local",outcome="${outcome}"}`;
  expect(before.get(duration('SUCCEEDED'))).toBe(1);
  expect(before.get(duration('RETRIED'))).toBe(1);
  expect(before.get('ai_processing_errors_total{kind="overloaded",provider="local"}')).toBe(1);
  // 11 tokens read at $1 a million, 7 written at $2.
  expect(before.get('ai_tokens_used_total{direction="input",provider="local"}')).toBe(11);
  expect(before.get('ai_tokens_used_total{direction="output",provider="local"}')).toBe(7);
  expect(before.get('ai_cost_dollars_total{provider="local"}')).toBeCloseTo(0.000025, 12);
  expect(before.get('ai_cache_hits_total{kind="response"}')).toBe(1);
  expect(before.get('ai_queue_depth{queue="standard"}')).toBe(1);
  expect(before.get('ai_queue_depth{queue="dead_letter"}')).toBe(0);
  expect([...before.keys()].filter((name) => name.startsWith('ai_circuits_open'))).toEqual([]);
  expect([...before.keys()].filter((name) => name.includes(workspace.id) || name.includes('writer'))).toEqual([]);

  models.play('writer', [new ProviderError('server', 'down')]);
  for (let i = 0; i < 5; i++) await chat(`Well, number ${i}?`);
  expect((await readMetrics()).get('ai_circuits_open{provider="local"}')).toBe(1);
});
