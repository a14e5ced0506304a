/**
 * How much of bare onnxruntime's speed is left once texts go through the local plugin (tokens, lexical half, threads)?
 *
 * Peer: the same ONNX file in as many threads with one session each, fed with ready-made tensors, batches of 32 sorted by
 * length within each call. Short generated texts in calls of 100; two calls at a time, so that no thread idles between calls.
 *
 * Run: node bench/local-embeddings.ts [texts per round, default 2000]
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { createHost } from '../src/plugins/host.ts';
import { PluginNetwork } from '../src/plugins/network.ts';
import plugin from '../src/providers/local/plugin.ts';
import { GRAPH_FILE_NAME } from '../src/providers/local/use-lite/graph-file.ts';
import { MAX_TOKENS } from '../src/providers/local/use-lite/onnx-graph.ts';
import { UnigramTokenizer } from '../src/providers/local/use-lite/tokenizer.ts';
import { readVocabulary } from '../src/providers/local/use-lite/weights.ts';
import type { BareBatch } from './bare-session-worker.ts';

const CALL_SIZE = 100;
const BARE_BATCH_SIZE = 32;
const ROUNDS = 3;
const CALLS_AT_ONCE = 2;
const SEED = 20_260_101;

type Round = (texts: readonly string[]) => Promise<number>;

/** Mulberry32: the same texts in every run. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function generateTexts(count: number): string[] {
  const random = seededRandom(SEED);
  const pick = (choices: readonly string[]): string => choices[Math.floor(random() * choices.length)] ?? '';
  const subjects = [
    'The export',
    'Our dashboard',
    'A weekly report',
    'The mobile app',
    'Single sign-on',
    'The invoice page',
  ];
  const verbs = ['stops', 'fails', 'loads twice', 'looks wrong', 'takes ages', 'works well', 'shows old numbers'];
  const when = [
    'after the last update',
    'for new members',
    'when I filter by team',
    'on slow networks',
    'every Monday',
  ];
  const more = [
    '',
    ' Please have a look.',
    ' It used to be fine.',
    ' Could we have an option for that in the settings?',
  ];
  return Array.from(
    { length: count },
    (_, index) => `${pick(subjects)} ${pick(verbs)} ${pick(when)}, case ${index}.${pick(more)}`,
  );
}

function inCalls(texts: readonly string[]): string[][] {
  return Array.from({ length: Math.ceil(texts.length / CALL_SIZE) }, (_, index) =>
    texts.slice(index * CALL_SIZE, (index + 1) * CALL_SIZE),
  );
}

async function textsPerSecond(count: number, work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return (count * 1000) / (performance.now() - started);
}

/** Runs one task after the other in each lane, with all lanes taking from one list. */
async function inLanes<Task>(tasks: readonly Task[], lanes: number, run: (task: Task, lane: number) => Promise<void>) {
  const rest = [...tasks];
  const drain = async (lane: number): Promise<void> => {
    for (let task = rest.shift(); task !== undefined; task = rest.shift()) await run(task, lane);
  };
  await Promise.all(Array.from({ length: lanes }, (_, lane) => drain(lane)));
}

async function openPlugin(workers: number, cacheDir: string): Promise<{ round: Round; close: () => Promise<void> }> {
  const logger = { debug() {}, info() {}, warn: console.warn, error: console.error };
  const network = new PluginNetwork({ allowPrivate: false });
  const provider = plugin.create({ workers }, createHost({ network, logger, cacheDir }));
  const call = { signal: new AbortController().signal, requestId: 'bench' };
  const embed = async (texts: readonly string[]): Promise<void> => {
    await provider.embed?.({ model: 'use-lite-768', texts, purpose: 'document' }, call);
  };
  await embed(generateTexts(CALL_SIZE));
  return {
    round: (texts) => textsPerSecond(texts.length, () => inLanes(inCalls(texts), CALLS_AT_ONCE, embed)),
    close: () => provider.close(),
  };
}

function prepareBareBatches(texts: readonly string[], tokenizer: UnigramTokenizer): BareBatch[] {
  return inCalls(texts).flatMap((call) => {
    const tokens = call.map((text) => tokenizer.encode(text)).sort((left, right) => left.length - right.length);
    const batches: BareBatch[] = [];
    for (let start = 0; start < tokens.length; start += BARE_BATCH_SIZE) {
      const rows = tokens.slice(start, start + BARE_BATCH_SIZE);
      const width = Math.max(...rows.map((ids) => ids.length));
      const ids = BigInt64Array.from(
        rows.flatMap((row) => Array.from({ length: width }, (_, at) => BigInt(row[at] ?? 0))),
      );
      const mask = Float32Array.from(
        rows.flatMap((row) => Array.from({ length: width }, (_, at) => (at in row ? 1 : 0))),
      );
      batches.push({ ids, mask, shape: [rows.length, width] });
    }
    return batches;
  });
}

async function openBare(workers: number, cacheDir: string): Promise<{ round: Round; close: () => Promise<void> }> {
  const tokenizer = new UnigramTokenizer(readVocabulary(), MAX_TOKENS);
  const module = new URL('./bare-session-worker.ts', import.meta.url);
  const threads = Array.from(
    { length: workers },
    () => new Worker(module, { workerData: join(cacheDir, GRAPH_FILE_NAME) }),
  );
  await Promise.all(threads.map((thread) => once(thread, 'message')));
  const run = async (batch: BareBatch, lane: number): Promise<void> => {
    const answered = once(threads[lane] as Worker, 'message');
    threads[lane]?.postMessage(batch);
    await answered;
  };
  return {
    async round(texts) {
      const batches = prepareBareBatches(texts, tokenizer);
      return textsPerSecond(texts.length, () => inLanes(batches, workers, run));
    },
    async close() {
      await Promise.all(threads.map((thread) => thread.terminate()));
    },
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function spreadPercent(values: readonly number[]): string {
  return (((Math.max(...values) - Math.min(...values)) / median(values)) * 100).toFixed(0);
}

async function compare(workers: number, texts: readonly string[], cacheDir: string): Promise<string> {
  const ours = await openPlugin(workers, cacheDir);
  const bare = await openBare(workers, cacheDir);
  const oursRates: number[] = [];
  const bareRates: number[] = [];
  await bare.round(texts.slice(0, CALL_SIZE));
  for (let round = 0; round < ROUNDS; round++) {
    bareRates.push(await bare.round(texts));
    oursRates.push(await ours.round(texts));
  }
  await ours.close();
  await bare.close();
  const ratio = median(oursRates) / median(bareRates);
  const cells = [
    String(workers),
    `${median(oursRates).toFixed(0)} (± ${spreadPercent(oursRates)} %)`,
    `${median(bareRates).toFixed(0)} (± ${spreadPercent(bareRates)} %)`,
    ratio.toFixed(2),
  ];
  return `| ${cells.join(' | ')} |`;
}

const texts = generateTexts(Number(process.argv[2] ?? 2000));
const cacheDir = mkdtempSync(join(tmpdir(), 'signalbox-bench-'));
try {
  const tokenizer = new UnigramTokenizer(readVocabulary(), MAX_TOKENS);
  const tokens = texts.reduce((sum, text) => sum + tokenizer.encode(text).length, 0) / texts.length;
  console.log(`${texts.length} texts a round of ${tokens.toFixed(1)} tokens on average, seed ${SEED}`);
  console.log(`${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(1)}\n`);
  console.log('| workers | plugin, texts/s (spread) | bare sessions, texts/s (spread) | plugin / bare |');
  console.log('|---|---|---|---|');
  for (const workers of [1, 2]) console.log(await compare(workers, texts, cacheDir));
} finally {
  rmSync(cacheDir, { recursive: true, force: true });
}
