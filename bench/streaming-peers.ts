/**
 * The processes of bench/streaming.ts that are not ours: a vendor (`vendor`), a bare yoga on graphql-ws (`yoga`), and
 * subscribers, each on a connection of its own (`clients <port> <count> <key> <query> <variables>`).
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { useServer } from 'graphql-ws/use/ws';
import { createSchema, createYoga } from 'graphql-yoga';
import { WebSocket, WebSocketServer } from 'ws';

/** Pieces of a paced answer, and the time between them. */
const PIECES = 50;
const PIECE_INTERVAL_MS = 20;
/** Further events of an answer that many watch, and the time between them. */
const WATCHED_PIECES = 20;
const WATCHED_INTERVAL_MS = Number(process.env.WATCHED_INTERVAL_MS ?? 300);
const OPENED_AT_ONCE = 50;

const [kind, ...rest] = process.argv.slice(2);
/** Lets the answers go on that many watch. */
let go: () => void = () => undefined;
let gone = new Promise<void>((resolve) => {
  go = resolve;
});

/** By the clock that all processes of the machine share. */
function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

function piece(number: number): string {
  return `piece ${number} at ${nowMs().toFixed(3)} `;
}

/** What many watch: something at once, the rest when all are there. */
async function* watchedPieces(): AsyncGenerator<string> {
  yield piece(0);
  await gone;
  for (let number = 1; number <= WATCHED_PIECES; number++) {
    yield piece(number);
    await sleep(WATCHED_INTERVAL_MS);
  }
}

async function* pacedPieces(): AsyncGenerator<string> {
  for (let number = 0; number < PIECES; number++) {
    yield piece(number);
    await sleep(PIECE_INTERVAL_MS);
  }
}

async function* endlessPieces(): AsyncGenerator<string> {
  for (let number = 0; number < 5_000; number++) {
    yield piece(number);
    await sleep(PIECE_INTERVAL_MS);
  }
}

/** A vendor that begins at once, in OpenAI's format. */
async function vendor(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await text(request);
  if (letGo(request, response)) return;
  const pieces = body.includes('watched')
    ? watchedPieces()
    : body.includes('endless')
      ? endlessPieces()
      : pacedPieces();
  if (!body.includes('"stream":true')) return answerAtOnce(response);
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const write = (delta: object, finishReason: string | null) =>
    response.write(
      `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'bench-model', choices: [{ index: 0, delta, finish_reason: finishReason }] })}\n\n`,
    );
  for await (const content of pieces) {
    if (response.destroyed) return;
    write({ content }, null);
  }
  write({}, 'stop');
  response.end('data: [DONE]\n\n');
}

/** What is asked about an answer behind it. */
function answerAtOnce(response: ServerResponse): void {
  const message = { role: 'assistant', content: '{"actions":[]}' };
  const choices = [{ index: 0, message, finish_reason: 'stop' }];
  const usage = { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 };
  response.setHeader('content-type', 'application/json');
  response.end(
    JSON.stringify({ id: 'c', object: 'chat.completion', created: 1, model: 'bench-model', choices, usage }),
  );
}

function letGo({ url }: IncomingMessage, response: ServerResponse): boolean {
  if (url === '/metrics') {
    const { user, system } = process.cpuUsage();
    response.end(`process_cpu_seconds_total ${(user + system) / 1_000_000}\n`);
    return true;
  }
  if (url !== '/go') return false;
  go();
  gone = new Promise((resolve) => {
    go = resolve;
  });
  response.end('gone\n');
  return true;
}

/** The naive way: each event executed and serialised for each subscriber. All watch the same events. */
function bareYoga(): ReturnType<typeof createServer> {
  interface Told {
    seq: number;
    text: string;
  }
  let told: Told[] = [];
  const wakes: (() => void)[] = [];
  const tellAll = async () => {
    told = [{ seq: 1, text: piece(0) }];
    for (;;) {
      await gone;
      for (let number = 1; number <= WATCHED_PIECES; number++) {
        told = [...told, { seq: number + 1, text: piece(number) }];
        for (const wake of wakes.splice(0)) wake();
        await sleep(WATCHED_INTERVAL_MS);
      }
    }
  };
  void tellAll();
  async function* follow() {
    for (let next = 0; next <= WATCHED_PIECES; next++) {
      while (told[next] === undefined) await new Promise<void>((resolve) => wakes.push(resolve));
      yield { generation: { ...(told[next] as Told), generationId: 'gen_1', __typename: 'TextDelta' } };
    }
  }
  const yoga = createYoga({
    logging: false,
    schema: createSchema({
      typeDefs: `interface GenerationEvent { seq: Int! generationId: ID! }
        type TextDelta implements GenerationEvent { seq: Int! generationId: ID! text: String! }
        type Query { there: Boolean }
        type Subscription { generation(id: ID!, after: Int): GenerationEvent! }`,
      resolvers: { Subscription: { generation: { subscribe: follow } } },
    }),
  });
  const server = createServer((request, response) => {
    if (!letGo(request, response)) void yoga(request, response);
  });
  const sockets = new WebSocketServer({ server, path: '/graphql' });
  useServer(
    {
      execute: (args) => (args as never as { execute: (args: unknown) => never }).execute(args),
      subscribe: (args) => (args as never as { subscribe: (args: unknown) => never }).subscribe(args),
      onSubscribe: async (_context, _id, { query, variables, operationName }) => {
        const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({});
        const document = parse(query);
        const errors = validate(schema, document);
        if (errors.length > 0) return errors;
        const contextValue = await contextFactory();
        return {
          schema,
          document,
          operationName,
          variableValues: variables,
          contextValue,
          execute,
          subscribe,
        } as never;
      },
    },
    sockets,
  );
  return server;
}

/** Says "subscribed" when all have their first event, and what all were told when the last one has its last. */
async function clients([port, count, key, query, variables]: string[]): Promise<void> {
  const all = Number(count);
  const events = new Map<number, { told: number; firstMs: number; lastMs: number; saidMs: number }>();
  let over = 0;
  const take = (message: string) => {
    // What came close together is one event.
    for (const [, number, saidMs] of message.matchAll(/piece (\d+) at ([\d.]+) /g))
      note(Number(number), Number(saidMs));
  };
  const note = (number: number, saidMs: number) => {
    const at = nowMs();
    const event = events.get(number) ?? { told: 0, firstMs: at, lastMs: at, saidMs };
    event.told += 1;
    event.lastMs = at;
    events.set(number, event);
    if (number === 0 && event.told === all) console.log('subscribed');
    if (number !== WATCHED_PIECES) return;
    over += 1;
    if (over === all) console.log(JSON.stringify([...events].map(([of, told]) => ({ number: of, ...told }))));
  };
  const open = () =>
    new Promise<void>((resolve, reject) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/graphql`, 'graphql-transport-ws');
      const send = (message: object) => socket.send(JSON.stringify(message));
      socket.on('open', () => send({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } }));
      socket.on('error', reject);
      socket.on('close', (code: number, reason: Buffer) => reject(new Error(`closed: ${code} ${reason}`)));
      socket.on('message', (bytes: Buffer) => {
        const message = bytes.toString();
        if (message.includes('"connection_ack"')) {
          send({ type: 'subscribe', id: '1', payload: { query, variables: JSON.parse(variables ?? '{}') } });
          resolve();
        } else take(message);
      });
    });
  for (let opened = 0; opened < all; opened += OPENED_AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(OPENED_AT_ONCE, all - opened) }, open));
  }
}

process.on('SIGTERM', () => process.exit(0));
if (kind === 'clients') {
  await clients(rest);
} else {
  const server = kind === 'yoga' ? bareYoga() : createServer((request, response) => void vendor(request, response));
  server.listen(0, '127.0.0.1', () => {
    console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
}
