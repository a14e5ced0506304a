import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { ConversationClient, joined, type ToldEvent } from '../api/conversations/conversation-client.ts';
import { testDatabaseTarget } from '../support/database.ts';
import { hasRedisServer, startTestRedis } from '../support/redis-server.ts';
import { type Door, subscribe } from './cut-subscriber.ts';
import { type PacedVendor, startPacedVendor, type WantedAnswer } from './paced-vendor.ts';
import { ask, makeDataDir, type ServerProcess, startProcess } from './server-process.ts';

const ROOT_KEY = 'a-root-key-of-the-cut-streams';
/** How many connections are cut, by each way that servers tell each other; more takes longer. */
const CUTS = Number(process.env.SIGNALBOX_TEST_CUTS ?? 24);
const SEED = Number(process.env.SIGNALBOX_TEST_SEED ?? 20_261_121);
/** Cuts of one answer: by two doors, twice each. */
const VIEWERS = 4;
const DOORS: Door[] = ['WebSocket', 'SSE'];
/** What an answer's events take on their way, some: a cut may come before the first and after the last. */
const ANSWER_BYTES = 2_500;

const closing: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** The same numbers for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

async function startVendor(): Promise<PacedVendor> {
  const vendor = await startPacedVendor();
  closing.push(vendor.close);
  return vendor;
}

function start(settings: Record<string, string>): ServerProcess {
  const data = makeDataDir();
  closing.push(data.remove);
  const common = { SIGNALBOX_DEMO: '0', SIGNALBOX_ROOT_KEY: ROOT_KEY, SIGNALBOX_ALLOW_PRIVATE_URLS: '1' };
  const folder = { SIGNALBOX_DATA_DIR: data.path, SIGNALBOX_SECRET_KEY: 'ab'.repeat(32) };
  const server = startProcess({ ...common, ...folder, ...settings });
  closing.push(() => server.child.exitCode ?? server.child.signalCode ?? server.end('SIGKILL'));
  return server;
}

function clientAt(origin: string, key: string): ConversationClient {
  const query = async (document: string, variables = {}) => ({
    ...{ status: 200, headers: new Headers() },
    body: { data: (await ask(origin, key, document, variables)) as never },
  });
  return new ConversationClient({ url: origin, query }, key);
}

/** A workspace whose answers come from the vendor's `talker`, and where that fails from `second`. */
async function makeWorkspace(origin: string, vendorUrl: string): Promise<string> {
  const { createWorkspace } = await ask<{ createWorkspace: { ownerKey: { secret: string } } }>(
    origin,
    ROOT_KEY,
    'mutation { createWorkspace(input: { name: "Cuts", tier: ENTERPRISE }) { ... on CreatedWorkspace { ownerKey { secret } } } }',
  );
  const key = createWorkspace.ownerKey.secret;
  // Two, as one that breaks off again and again is left alone for a while.
  for (const name of ['vendor', 'spare']) {
    const input = { name, pluginId: 'openai-compatible', config: { baseUrl: vendorUrl } };
    const made = await ask(
      origin,
      key,
      'mutation ($input: CreateIntegrationInput!) { createIntegration(input: $input) { __typename ... on Error { message } } }',
      { input },
    );
    expect(made).toEqual({ createIntegration: { __typename: 'Integration' } });
  }
  const chat = { primary: 'vendor/talker', fallbacks: ['spare/second'] };
  const set = await ask(
    origin,
    key,
    'mutation ($input: UpdateSettingsInput!) { updateSettings(input: $input) { __typename ... on Error { message } } }',
    { input: { models: { chat } } },
  );
  expect(set).toEqual({ updateSettings: { __typename: 'Settings' } });
  return key;
}

/** An answer of some half a second; every third one breaks off and starts again elsewhere. */
function wantedAnswer(random: () => number, number: number): WantedAnswer {
  const words = ['Grüße', ' an', ' 😀', ' 数据', ' the', ' export', ' "ends"', '\n', ' early', ` ${number}`];
  const pieces = Array.from({ length: 24 }, () => words[Math.floor(random() * words.length)] as string);
  return { pieces, pauseMs: 20, ...(number % 3 === 1 ? { breakAt: 1 + Math.floor(random() * 20) } : {}) };
}

interface Cut {
  door: Door;
  /** Origins of the servers: where it is watched, and where it is gone on with. */
  from: string;
  to: string;
  cutAfterBytes: number;
}

/** Watches an answer, is cut, goes on elsewhere from the last it was told. @returns all it was told, and whether it was cut */
async function watch(key: string, id: string, { door, from, to, cutAfterBytes }: Cut) {
  const first = await subscribe(door, { origin: from, key, id, after: 0, cutAfterBytes });
  if (!first.isCut) return first;
  const after = first.events.at(-1)?.seq ?? 0;
  const rest = await subscribe(door, { origin: to, key, id, after });
  expect(rest.isCut).toBe(false);
  return { events: [...first.events, ...rest.events], isCut: true };
}

/** Nothing lost, nothing twice, and the text is the one that is stored. */
function expectWhole(events: readonly ToldEvent[], stored: string): void {
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_event, index) => index + 1));
  expect(joined(events)).toBe(stored);
  expect(events.at(-1)).toMatchObject({ __typename: 'GenerationCompleted', message: { text: stored } });
}

/** One answer, watched by several, each of whom is cut off at a random moment or not at all. */
async function cutOne(origins: readonly string[], key: string, number: number) {
  const random = randomFrom(SEED + number);
  const pick = () => origins[Math.floor(random() * origins.length)] as string;
  const wanted = wantedAnswer(random, number);
  const viewers = Array.from({ length: VIEWERS }, (_, index): Cut => {
    const from = pick();
    const to = origins.find((origin) => origin !== from) ?? from;
    const door = DOORS[index % DOORS.length] as Door;
    return { door, from, to, cutAfterBytes: 1 + Math.floor(random() * ANSWER_BYTES) };
  });
  const client = clientAt(pick(), key);
  const { id } = await client.send(await client.create(), JSON.stringify(wanted), { model: null });
  const told = await Promise.all(viewers.map((viewer) => watch(key, id, viewer)));
  const { status, text } = await client.generation(id);
  expect(status, JSON.stringify(told[0]?.events.at(-1))).toBe('COMPLETED');
  expect(text).toBe(wanted.pieces.join(''));
  for (const { events } of told) {
    expectWhole(events, text);
    expect(restartsIn(events).length).toBeLessThanOrEqual(wanted.breakAt === undefined ? 0 : 1);
  }
  const [first] = told;
  return { cuts: told.filter(({ isCut }) => isCut).length, restarts: restartsIn(first?.events ?? []).length };
}

function restartsIn(events: readonly ToldEvent[]): ToldEvent[] {
  return events.filter(({ __typename }) => __typename === 'GenerationRestarted');
}

/** Answers, some at a time, until so many connections were cut. */
async function cutAll(origins: readonly string[], key: string, cuts: number): Promise<void> {
  const done = { cuts: 0, restarts: 0 };
  let number = 0;
  const work = async () => {
    while (done.cuts < cuts) {
      number += 1;
      const one = await cutOne(origins, key, number);
      done.cuts += one.cuts;
      done.restarts += one.restarts;
    }
  };
  await Promise.all(Array.from({ length: 5 }, work));
  expect(done.restarts).toBeGreaterThan(0);
}

const BUSES = [
  { name: 'Postgres', isThere: true, startRedis: async () => null },
  { name: 'Redis', isThere: hasRedisServer(), startRedis: () => startTestRedis() },
].filter(({ isThere }) => isThere);

describe.runIf(inject('testServer') !== null).each(BUSES)(
  'two server processes that tell each other by $name',
  ({ name, startRedis }) => {
    let one: ServerProcess;
    let origin: string;
    let there: string;
    let key: string;
    beforeAll(async () => {
      const { databaseUrl = '', remove } = await testDatabaseTarget();
      closing.push(remove);
      const redis = await startRedis();
      if (redis !== null) closing.push(() => redis.close());
      const shared = { DATABASE_URL: databaseUrl, ...(redis === null ? {} : { REDIS_URL: redis.url }) };
      const vendor = await startVendor();
      one = start(shared);
      const other = start(shared);
      [origin, there] = await Promise.all([one.ready(), other.ready()]);
      key = await makeWorkspace(origin, vendor.url);
    }, 120_000);

    test(
      'whoever is cut off goes on at the other one, and loses and repeats nothing',
      async () => {
        await cutAll([origin, there], key, name === 'Postgres' ? CUTS : Math.ceil(CUTS / 2));
      },
      60_000 + CUTS * 2_000,
    );

    test('one is killed amid its answers: each goes on at the other one to its end', async () => {
      const client = clientAt(origin, key);
      const random = randomFrom(SEED);
      const asked = await Promise.all(
        Array.from({ length: 6 }, async (_, number) => {
          const wanted = { ...wantedAnswer(random, number), pauseMs: 100 };
          const { id } = await client.send(await client.create(), JSON.stringify(wanted), { model: null });
          return { id, wanted };
        }),
      );
      const watched = asked.map(async ({ id }, index) => {
        const door = DOORS[index % DOORS.length] as Door;
        const first = await subscribe(door, { origin, key, id, after: 0 });
        const rest = await subscribe(door, { origin: there, key, id, after: first.events.at(-1)?.seq ?? 0 });
        return { isCut: first.isCut, events: [...first.events, ...rest.events] };
      });
      await Promise.all(asked.map(({ id }) => tellsSomething(there, key, id)));
      await one.end('SIGKILL');
      for (const [index, told] of watched.entries()) {
        const { isCut, events } = await told;
        expect(isCut).toBe(true);
        const { id, wanted } = asked[index] as (typeof asked)[number];
        const { status, text } = await clientAt(there, key).generation(id);
        expect(status).toBe('COMPLETED');
        expect(text).toBe(wanted.pieces.join(''));
        expectWhole(events, text);
        expect(restartsIn(events).length).toBeGreaterThan(0);
      }
    }, 120_000);
  },
);

/** Resolves with the first words of an answer. */
async function tellsSomething(origin: string, key: string, id: string): Promise<void> {
  const follower = clientAt(origin, key).follow(id);
  for (;;) {
    const event = await follower.next();
    if (event === null || event.__typename === 'TextDelta') break;
  }
  await follower.leave();
}

test.runIf(inject('testServer') === null)(
  'the embedded database: whoever is cut off goes on and loses nothing',
  async () => {
    const vendor = await startVendor();
    const origin = await start({}).ready();
    const key = await makeWorkspace(origin, vendor.url);
    await cutAll([origin], key, Math.ceil(CUTS / 2));
  },
  60_000 + CUTS * 2_000,
);
