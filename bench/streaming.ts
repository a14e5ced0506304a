/**
 * What does an answer that is streamed through the product cost, against reading the vendor directly, and what does it
 * cost to show it to many, against a bare yoga on graphql-ws?
 *
 * First text and the text after it: paced answers at once, through sendMessage and the subscription `generation`, and
 * directly. Fan-out: one event to many subscribers on sockets of their own, in two client processes; yoga executes and
 * serialises it for each. Then how long it takes to come back to an answer, and to stop one. The open files of a process
 * must reach beyond the subscribers: `ulimit -n`.
 *
 * Run: node bench/streaming.ts [--rounds=3] [--streams=16] [--subscribers=100,1000,10000] [--database=postgres://…]
 *                             [--only=text|fan-out|resume|stop]
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { WebSocket } from 'ws';
import { ask, bearer, makeWorkspace, median, type Product, start, startProduct, stopAll } from './processes.ts';

const PEERS = join(import.meta.dirname, 'streaming-peers.ts');
const START_INTERVAL_MS = 12;
const CLIENT_PROCESSES = 2;
const RESUMES = 40;
const STOPS = 20;
const EVENTS = /* GraphQL */ `
  subscription ($id: ID!, $after: Int) {
    generation(id: $id, after: $after) { __typename seq generationId ... on TextDelta { text } }
  }
`;
const CREATE = `mutation ($input: CreateIntegrationInput!) {
  createIntegration(input: $input) { __typename ... on Error { message } } }`;
const CONVERSE = 'mutation { createConversation(input: {}) { ... on Conversation { id } ... on Error { message } } }';
const SEND = `mutation ($input: SendMessageInput!) {
  sendMessage(input: $input) { ... on Generation { id } ... on Error { message } } }`;
const STOP = `mutation ($input: StopGenerationInput!) {
  stopGeneration(input: $input) { ... on Generation { status } ... on Error { message } } }`;

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    streams: { type: 'string', default: '16' },
    subscribers: { type: 'string', default: '100,1000,10000' },
    database: { type: 'string' },
    only: { type: 'string' },
  },
});
const rounds = Number(flags.rounds);

interface Contestant {
  vendor: number;
  product: Product;
  key: string;
}

/** Of one stream, by the clock of all processes. */
interface Read {
  firstMs: number;
  /** From a piece's writing by the vendor to its coming here. */
  latenciesMs: number[];
}

/** A process of subscribers, by what it says. */
class Clients {
  readonly process: ChildProcess;
  #said = '';

  constructor(command: string[]) {
    this.process = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.process.stdout?.on('data', (text: Buffer) => {
      this.#said += text;
      this.process.emit('said');
    });
  }

  line(begin: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const line = this.#said
          .split('\n')
          .slice(0, -1)
          .find((one) => one.startsWith(begin));
        if (line !== undefined) resolve(line);
      };
      this.process.on('said', look);
      this.process.once('exit', (code) => reject(new Error(`clients have ended with ${code}`)));
      look();
    });
  }
}

try {
  const contestant = await prepare();
  const isWanted = (part: string) => flags.only === undefined || flags.only === part;
  if (isWanted('text')) await measureText(contestant, Number(flags.streams));
  if (isWanted('fan-out')) {
    for (const count of flags.subscribers.split(',')) await measureFanOut(contestant, Number(count));
  }
  if (isWanted('resume')) await measureResuming(contestant);
  if (isWanted('stop')) await measureStopping(contestant);
  console.log(`\nload of the machine ${loadavg()[0]?.toFixed(1)}`);
} finally {
  await stopAll();
}

async function prepare(): Promise<Contestant> {
  const vendor = await start([PEERS, 'vendor'], {}, null);
  const product = await startProduct(settings());
  const key = await makeWorkspace(product, 'ENTERPRISE');
  const config = { baseUrl: `http://127.0.0.1:${vendor}/v1`, models: [{ name: 'bench-model' }] };
  const input = { name: 'vendor', pluginId: 'openai-compatible', config };
  const made = await ask<{ createIntegration: { __typename: string } }>(product.port, bearer(key), CREATE, { input });
  if (made.createIntegration.__typename !== 'Integration') throw new Error(JSON.stringify(made));
  return { vendor, product, key };
}

function settings(): Record<string, string> {
  return {
    ...{ SIGNALBOX_ALLOW_PRIVATE_URLS: '1', LOG_LEVEL: 'error', SIGNALBOX_SECRET_KEY: 'ab'.repeat(32) },
    ...(flags.database === undefined ? {} : { DATABASE_URL: flags.database }),
  };
}

function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

async function begin({ product, key }: Contestant, text: string): Promise<string> {
  const { createConversation } = await ask<{ createConversation: { id: string } }>(product.port, bearer(key), CONVERSE);
  return send(product.port, key, createConversation.id, text);
}

async function send(port: number, key: string, conversationId: string, text: string): Promise<string> {
  const input = { conversationId, text, model: 'vendor/bench-model', retrieval: false };
  const { sendMessage } = await ask<{ sendMessage: { id?: string } }>(port, bearer(key), SEND, { input });
  if (sendMessage.id === undefined) throw new Error(JSON.stringify(sendMessage));
  return sendMessage.id;
}

/** A WebSocket that has been let in: clients have one open. */
function connect(port: number, key: string): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/graphql`, 'graphql-transport-ws');
  return new Promise((resolve, reject) => {
    const init = { type: 'connection_init', payload: { authorization: `Bearer ${key}` } };
    socket.once('open', () => socket.send(JSON.stringify(init)));
    socket.once('message', () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Calls `onText` for each text; resolves at the end of the subscription. */
function follow(socket: WebSocket, variables: object, onText: (text: string, typename: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.on('message', (bytes) => {
      const message = JSON.parse(String(bytes)) as {
        type: string;
        payload?: { data?: { generation: { __typename: string; text?: string } } };
      };
      if (message.type === 'complete') resolve();
      else if (message.type === 'next' && message.payload?.data != null) {
        const { __typename, text = '' } = message.payload.data.generation;
        onText(text, __typename);
      } else reject(new Error(String(bytes)));
    });
    socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: EVENTS, variables } }));
  });
}

function readerFrom(startedMs: number): { read: Read; take: (text: string) => void } {
  const read: Read = { firstMs: Number.NaN, latenciesMs: [] };
  const take = (text: string) => {
    const at = nowMs();
    for (const [, saidMs] of text.matchAll(/piece \d+ at ([\d.]+) /g)) {
      if (Number.isNaN(read.firstMs)) read.firstMs = at - startedMs;
      read.latenciesMs.push(at - Number(saidMs));
    }
  };
  return { read, take };
}

async function readDirectly({ vendor }: Contestant): Promise<Read> {
  const { read, take } = readerFrom(nowMs());
  const body = { model: 'bench-model', stream: true, messages: [{ role: 'user', content: 'paced' }] };
  const response = await fetch(`http://127.0.0.1:${vendor}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) take(decoder.decode(chunk, { stream: true }));
  return read;
}

async function readOurs({ product, key }: Contestant, number: number): Promise<Read> {
  const { createConversation } = await ask<{ createConversation: { id: string } }>(product.port, bearer(key), CONVERSE);
  const socket = await connect(product.port, key);
  const { read, take } = readerFrom(nowMs());
  const id = await send(product.port, key, createConversation.id, `paced ${number} ${Math.random()}`);
  await follow(socket, { id }, take);
  socket.terminate();
  return read;
}

async function measureText(contestant: Contestant, streams: number): Promise<void> {
  const ways = { 'the vendor directly': readDirectly, Signalbox: readOurs };
  const results = new Map<string, Read[][]>();
  for (let round = -1; round < rounds; round++) {
    for (const [name, way] of Object.entries(ways)) {
      const reads = await Promise.all(
        Array.from({ length: streams }, async (_, number) => {
          await sleep(number * START_INTERVAL_MS);
          return way(contestant, number);
        }),
      );
      if (round >= 0) results.set(name, [...(results.get(name) ?? []), reads]);
    }
  }
  console.log(`\n### ${streams} paced answers at once\n`);
  console.log(
    '| | first text, p50 (rounds) | a piece from its vendor to its reader: p50, p99 | pieces |\n|---|---|---|---|',
  );
  for (const [name, each] of results) {
    const firsts = each.map((reads) => percentile(reads.map(({ firstMs }) => firstMs).slice(), 0.5));
    const latencies = each.flat().flatMap(({ latenciesMs }) => latenciesMs);
    const all = rounds * streams * 50;
    console.log(
      `| ${name} | ${median(firsts).toFixed(1)} ms (${firsts.map((one) => one.toFixed(1)).join(', ')}) | ${percentile(latencies, 0.5).toFixed(1)} ms, ${percentile(latencies, 0.99).toFixed(1)} ms | ${latencies.length} of ${all} |`,
    );
  }
}

interface FannedOut {
  number: number;
  told: number;
  firstMs: number;
  lastMs: number;
  saidMs: number;
}

async function measureFanOut(contestant: Contestant, subscribers: number): Promise<void> {
  const yoga = await start([PEERS, 'yoga'], {}, null);
  const { port } = contestant.product;
  const ways = {
    Signalbox: { port, goAt: contestant.vendor, watched: [] as Watched[] },
    'bare yoga': { port: yoga, goAt: yoga, watched: [] as Watched[] },
  };
  for (let round = 0; round < rounds; round++) {
    for (const way of Object.values(ways)) {
      // Yoga's is told again to all who come, so that one round is all it has.
      if (way.port === yoga && round > 0) continue;
      const id = await begin(contestant, `watched ${Math.random()}`);
      way.watched.push(await watch(way, subscribers, contestant.key, id));
    }
  }
  console.log(`\n### One event to ${subscribers} subscribers\n`);
  console.log(
    '| | CPU a message (rounds) | messages/s (rounds) | from the vendor to the last, p50 | told | memory of each |\n|---|---|---|---|---|---|',
  );
  const cpuOf = (watched: readonly Watched[]) => watched.map(({ cpuMicros }) => cpuMicros);
  for (const [name, { watched }] of Object.entries(ways)) {
    const rates = watched.map(({ perSecond }) => perSecond);
    const told = watched.reduce((sum, one) => sum + one.told, 0);
    const cells = [
      name,
      `${median(cpuOf(watched)).toFixed(1)} µs (${cpuOf(watched)
        .map((one) => one.toFixed(1))
        .join(', ')})`,
      `${Math.round(median(rates))} (${rates.map(Math.round).join(', ')})`,
      `${median(watched.map(({ lastMs }) => lastMs)).toFixed(1)} ms`,
      `${told} of ${watched.length * subscribers * 21}`,
      `${((watched[0]?.memoryBytes ?? Number.NaN) / 1_024).toFixed(1)} kB`,
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
  const [ours, theirs] = Object.values(ways).map(({ watched }) => median(cpuOf(watched)));
  console.log(`\nBare yoga takes ${((theirs ?? Number.NaN) / (ours ?? Number.NaN)).toFixed(2)} × the CPU a message`);
}

interface Watched {
  /** Of the server, from the going on to the last message. */
  cpuMicros: number;
  perSecond: number;
  lastMs: number;
  told: number;
  memoryBytes: number;
}

/** Has clients watch a generation, lets it go on when all are there, and reads what they were told. */
async function watch(
  { port, goAt }: { port: number; goAt: number },
  subscribers: number,
  key: string,
  id: string,
): Promise<Watched> {
  const each = Math.ceil(subscribers / CLIENT_PROCESSES);
  const variables = JSON.stringify({ id, after: 0 });
  const command = [PEERS, 'clients', String(port), String(each), key, EVENTS, variables];
  const residentBefore = await metric(port, 'process_resident_memory_bytes');
  const clients = Array.from({ length: CLIENT_PROCESSES }, () => new Clients(command));
  try {
    await Promise.all(clients.map((one) => one.line('subscribed')));
    const resident = await metric(port, 'process_resident_memory_bytes');
    const cpuBefore = await metric(port, 'process_cpu_seconds_total');
    await fetch(`http://127.0.0.1:${goAt}/go`);
    const parts = await Promise.all(clients.map((one) => one.line('[')));
    const cpuSeconds = (await metric(port, 'process_cpu_seconds_total')) - cpuBefore;
    const events = parts.flatMap((part) => JSON.parse(part) as FannedOut[]);
    const numbers = [...new Set(events.map(({ number }) => number))].filter((number) => number > 0);
    const spans = numbers.map((number) => {
      const of = events.filter((event) => event.number === number);
      const lastMs = Math.max(...of.map((event) => event.lastMs));
      return { spanMs: lastMs - Math.min(...of.map((event) => event.firstMs)), lastMs: lastMs - (of[0]?.saidMs ?? 0) };
    });
    const all = each * CLIENT_PROCESSES;
    return {
      cpuMicros: (cpuSeconds * 1_000_000) / (all * numbers.length),
      perSecond: (all * 1_000) / median(spans.map(({ spanMs }) => spanMs)),
      lastMs: median(spans.map(({ lastMs }) => lastMs)),
      told: events.reduce((sum, event) => sum + event.told, 0),
      memoryBytes: (resident - residentBefore) / all,
    };
  } finally {
    for (const one of clients) one.process.kill('SIGTERM');
    await sleep(500);
  }
}

async function metric(port: number, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1]);
}

async function measureResuming(contestant: Contestant): Promise<void> {
  const { product, key } = contestant;
  const id = await begin(contestant, `paced ${Math.random()}`);
  const watching = await connect(product.port, key);
  await follow(watching, { id }, () => undefined);
  watching.terminate();
  const times: number[] = [];
  for (let number = 0; number < RESUMES; number++) {
    const startedMs = nowMs();
    const socket = await connect(product.port, key);
    await follow(socket, { id, after: 1 + (number % 10) }, () => undefined);
    times.push(nowMs() - startedMs);
    socket.terminate();
  }
  console.log('\n### Coming back\n');
  console.log(
    `From a new connection to the end of a finished answer: p50 ${percentile(times, 0.5).toFixed(1)} ms, p99 ${percentile(times, 0.99).toFixed(1)} ms`,
  );
}

async function measureStopping(contestant: Contestant): Promise<void> {
  const { product, key } = contestant;
  const others =
    flags.database === undefined
      ? { 'the same server': product.port }
      : {
          'the same server': product.port,
          'another server': (await startProduct({ ...settings(), SIGNALBOX_ROOT_KEY: product.rootKey })).port,
        };
  console.log('\n### Stopping\n');
  console.log(
    '| from | the last event at a viewer: p50, max | the answer of stopGeneration: p50, max |\n|---|---|---|',
  );
  for (const [name, port] of Object.entries(others)) {
    const told: number[] = [];
    const answered: number[] = [];
    for (let number = 0; number < STOPS; number++) {
      const id = await begin(contestant, `endless ${Math.random()}`);
      const socket = await connect(product.port, key);
      let startedMs = Number.NaN;
      let isAsked = false;
      let stopping: Promise<unknown> | null = null;
      await follow(socket, { id }, (_text, typename) => {
        if (typename === 'GenerationCompleted') told.push(nowMs() - startedMs);
        if (typename !== 'TextDelta' || isAsked) return;
        isAsked = true;
        startedMs = nowMs();
        stopping = ask(port, bearer(key), STOP, { input: { id } }).then(() => answered.push(nowMs() - startedMs));
      });
      await stopping;
      socket.terminate();
    }
    const row = (times: number[]) => `${percentile(times, 0.5).toFixed(1)} ms, ${Math.max(...times).toFixed(1)} ms`;
    console.log(`| ${name} | ${row(told)} | ${row(answered)} |`);
  }
}

function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
