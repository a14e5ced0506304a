/**
 * What does the OpenAI door add to a call of a model, with keys, limits, the cache's look-up, usage and, with --budget, a day's
 * and a month's budget on?
 *
 * Peers in the same run, taking turns, before the same local vendor: a direct call, a bare pipe (node:http to undici) and
 * Portkey's gateway as it comes (npm `@portkey-ai/gateway`, without keys, limits, cache or usage).
 *
 * Run: node bench/gateway-overhead.ts [--rounds=3] [--seconds=5] [--streams=64] [--database=postgres://…]
 *                                   [--budget] [--only=streams]
 */
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type LoadTarget, load, VARIED } from './http-load.ts';
import { ask, bearer, makeWorkspace, median, start, startProduct, stopAll } from './processes.ts';

const WARM_UP_MS = 5_000;
/** Between the starts of two streams: all 64 run at once before the first one ends. */
const START_INTERVAL_MS = 12;
const PORTKEY = join(import.meta.dirname, '../node_modules/@portkey-ai/gateway/build/start-server.js');
const PORTKEY_PORT = 18_787;
const CREATE = /* GraphQL */ `
  mutation Create($input: CreateIntegrationInput!) {
    createIntegration(input: $input) { __typename ... on Error { message } }
  }
`;

const BUDGET = /* GraphQL */ `
  mutation Budget($input: SetBudgetInput!) {
    setBudget(input: $input) { __typename ... on Error { message } }
  }
`;

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    streams: { type: 'string', default: '64' },
    database: { type: 'string' },
    budget: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
});

/** Counts streams, so that each asks something else. */
let asked = 0;

interface Contestant {
  name: string;
  target: Omit<LoadTarget, 'body'>;
  model: string;
}

try {
  const contestants = await startContestants();
  if (flags.only !== 'streams') {
    for (const connections of [1, 32]) await measureAnswers(contestants, connections);
  }
  await measureStreams(contestants, Number(flags.streams));
  console.log(`\nload of the machine ${loadavg()[0]?.toFixed(1)}`);
} finally {
  await stopAll();
}

async function startContestants(): Promise<Contestant[]> {
  const peers = join(import.meta.dirname, 'gateway-peers.ts');
  const vendor = await start([peers, 'upstream'], {}, null);
  const pipe = await start([peers, 'pipe', String(vendor)], {}, null);
  const baseUrl = `http://127.0.0.1:${vendor}/v1`;
  const product = await startProduct({
    SIGNALBOX_ALLOW_PRIVATE_URLS: '1',
    LOG_LEVEL: 'warn',
    ...(flags.database === undefined ? {} : { DATABASE_URL: flags.database }),
  });
  const key = await makeWorkspace(product, 'ENTERPRISE');
  const input = {
    name: 'vendor',
    pluginId: 'openai-compatible',
    config: { baseUrl, models: [{ name: 'bench-model', inputUsdPerMillion: '1', outputUsdPerMillion: '4' }] },
  };
  const made = await ask<{ createIntegration: { __typename: string } }>(product.port, bearer(key), CREATE, { input });
  if (made.createIntegration.__typename !== 'Integration') throw new Error(JSON.stringify(made));
  if (flags.budget) {
    for (const window of ['DAY', 'MONTH']) {
      const budget = { input: { window, limitUsd: '1000000' } };
      const { setBudget } = await ask<{ setBudget: { __typename: string } }>(product.port, bearer(key), BUDGET, budget);
      if (setBudget.__typename !== 'Budget') throw new Error(JSON.stringify(setBudget));
    }
  }
  await start([PORTKEY, '--headless', `--port=${PORTKEY_PORT}`], { TRUSTED_CUSTOM_HOSTS: '127.0.0.1' }, null);
  const path = '/v1/chat/completions';
  const portkey = { authorization: 'Bearer none', 'x-portkey-provider': 'openai', 'x-portkey-custom-host': baseUrl };
  return [
    { name: 'Signalbox', target: { port: product.port, path, headers: bearer(key) }, model: 'vendor/bench-model' },
    { name: 'direct', target: { port: vendor, path, headers: {} }, model: 'bench-model' },
    { name: 'bare pipe', target: { port: pipe, path, headers: bearer('none') }, model: 'bench-model' },
    { name: 'Portkey', target: { port: PORTKEY_PORT, path, headers: portkey }, model: 'bench-model' },
  ];
}

function bodyOf(model: string, stream: boolean): string {
  const messages = [
    { role: 'system', content: 'You answer questions about exports.' },
    { role: 'user', content: `Why does the export of ${VARIED} end early?` },
  ];
  return JSON.stringify({ model, messages, temperature: 0.2, max_tokens: 200, ...(stream ? { stream } : {}) });
}

async function measureAnswers(contestants: readonly Contestant[], connections: number): Promise<void> {
  const rounds = new Map<string, { requestsPerSecond: number; p50Ms: number; p99Ms: number }[]>();
  const run = ({ target, model }: Contestant, durationMs: number) =>
    load({ ...target, body: bodyOf(model, false) }, connections, durationMs);
  for (const one of contestants) await run(one, WARM_UP_MS);
  for (let round = 0; round < Number(flags.rounds); round++) {
    for (const one of contestants) {
      const results = rounds.get(one.name) ?? [];
      rounds.set(one.name, [...results, await run(one, Number(flags.seconds) * 1_000)]);
    }
  }
  const direct = median((rounds.get('direct') ?? []).map(({ p50Ms }) => p50Ms));
  const ours = rounds.get('Signalbox') ?? [];
  console.log(`\n### Answers, ${connections} at once\n`);
  console.log('| gateway | Signalbox is | requests/s (rounds) | p50 | added p50 | p99 |\n|---|---|---|---|---|---|');
  for (const [name, results] of rounds) {
    const ratio = median(results.map((result, i) => (ours[i]?.requestsPerSecond ?? 0) / result.requestsPerSecond));
    const p50 = median(results.map(({ p50Ms }) => p50Ms));
    const cells = [
      name,
      name === 'Signalbox' ? '' : `${ratio.toFixed(2)} ×`,
      `${Math.round(median(results.map(({ requestsPerSecond }) => requestsPerSecond)))} (${results.map(({ requestsPerSecond }) => Math.round(requestsPerSecond)).join(', ')})`,
      `${p50.toFixed(2)} ms`,
      name === 'direct' ? '' : `${(p50 - direct).toFixed(2)} ms`,
      `${median(results.map(({ p99Ms }) => p99Ms)).toFixed(2)} ms`,
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
}

async function measureStreams(contestants: readonly Contestant[], streams: number): Promise<void> {
  const rounds = new Map<string, { firstMs: number[]; pieces: number; whole: number }[]>();
  for (const one of [...contestants, ...contestants]) {
    await startInTurn(streams, one);
  }
  for (let round = 0; round < Number(flags.rounds); round++) {
    for (const one of contestants) {
      const read = await startInTurn(streams, one);
      const firstMs = read.map((each) => each.firstMs).sort((a, b) => a - b);
      const pieces = read.reduce((sum, each) => sum + each.pieces, 0);
      const whole = read.filter((each) => each.isWhole).length;
      rounds.set(one.name, [...(rounds.get(one.name) ?? []), { firstMs, pieces, whole }]);
    }
  }
  const p50Of = (name: string) =>
    median((rounds.get(name) ?? []).map(({ firstMs }) => firstMs[Math.floor(firstMs.length / 2)] ?? Number.NaN));
  console.log(`\n### ${streams} paced streams at once\n`);
  console.log('| gateway | first piece, p50 | added | pieces (of all) | ended with [DONE] |\n|---|---|---|---|---|');
  const all = (rounds.get('direct') ?? []).reduce((sum, { pieces }) => sum + pieces, 0);
  for (const [name, results] of rounds) {
    const added = name === 'direct' ? '' : `${(p50Of(name) - p50Of('direct')).toFixed(2)} ms`;
    const pieces = results.reduce((sum, result) => sum + result.pieces, 0);
    const whole = results.reduce((sum, result) => sum + result.whole, 0);
    console.log(
      `| ${name} | ${p50Of(name).toFixed(2)} ms | ${added} | ${pieces} of ${all} | ${whole} of ${streams * results.length} |`,
    );
  }
}

/** One after the other, as clients come; all of them run at the same time in the end. */
function startInTurn(streams: number, contestant: Contestant): Promise<Awaited<ReturnType<typeof readStream>>[]> {
  return Promise.all(
    Array.from({ length: streams }, async (_, i) => {
      await sleep(i * START_INTERVAL_MS);
      return readStream(contestant);
    }),
  );
}

async function readStream({
  target,
  model,
}: Contestant): Promise<{ firstMs: number; pieces: number; isWhole: boolean }> {
  const body = bodyOf(model, true).replace(VARIED, `number ${String(asked++).padStart(12, '9')}`);
  const startedAt = performance.now();
  const response = await fetch(`http://127.0.0.1:${target.port}${target.path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...target.headers },
    body,
  });
  if (response.status !== 200 || response.body === null) throw new Error(`${response.status} ${await response.text()}`);
  let firstMs = Number.NaN;
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body) {
    text += decoder.decode(chunk, { stream: true });
    if (Number.isNaN(firstMs) && text.includes('piece 0')) firstMs = performance.now() - startedAt;
  }
  return { firstMs, pieces: text.match(/piece \d+ /g)?.length ?? 0, isWhole: text.trimEnd().endsWith('[DONE]') };
}
