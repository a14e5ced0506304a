import { afterAll, beforeAll, expect, test } from 'vitest';
import type { WorkspaceScope } from '../../../src/db/workspace-scope.ts';
import type { Caller } from '../../../src/domain/access/caller.ts';
import { insertConversation } from '../../../src/domain/conversations/conversation-store.ts';
import type { GenerationEvent, LogEntry } from '../../../src/domain/conversations/generation.ts';
import { GenerationService } from '../../../src/domain/conversations/generation-service.ts';
import { appendEntries, endGeneration, insertGeneration } from '../../../src/domain/conversations/generation-store.ts';
import { insertMessage } from '../../../src/domain/conversations/message-store.ts';
import { newId } from '../../../src/shared/ids.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';

const FOLLOWERS = 10_000;
/** More than followers share. */
const EVENTS = 800;

let stored: TestDatabase;
let service: GenerationService;
const workspaceId = newId('Workspace');
const workspace = {
  id: workspaceId,
  name: 'Tail',
  slug: workspaceId,
  tier: 'ENTERPRISE',
  createdAt: new Date(),
} as const;
const caller: Caller = { kind: 'apiKey', workspace, role: 'MEMBER', apiKeyId: null, userId: null };
const { signal } = new AbortController();
beforeAll(async () => {
  stored = await testDatabase();
  service = new GenerationService(stored.database);
  await stored.database.withSystem(
    (scope) => scope.sql`
      insert into workspaces (id, name, slug, tier) values (${workspaceId}, 'Tail', ${workspaceId}, 'ENTERPRISE')`,
  );
});
afterAll(() => stored?.close());

const inWorkspace = <Result>(work: (scope: WorkspaceScope) => Promise<Result>) =>
  stored.database.withWorkspace(workspaceId, work);
const text = (words: string): LogEntry => ({ kind: 'TEXT', data: { text: words } });

/** A generation whose log the test writes. */
async function begin() {
  const [id, conversationId, messageId] = [newId('Generation'), newId('Conversation'), newId('Message')];
  const { claim } = await inWorkspace(async (scope) => {
    await insertConversation(scope, { id: conversationId, title: null, persona: null, metadata: {} });
    await insertMessage(scope, { id: messageId, conversationId, position: 1, role: 'ASSISTANT', text: '' });
    const options = { model: null, retrieval: false, filter: null, temperature: null, maxTokens: null };
    const row = { id, conversationId, questionId: messageId, messageId, options };
    const lease = { owner: 'one', seconds: 600 };
    const taken = await insertGeneration(scope, { ...row, apiKeyId: null, userId: null, requestId: 'req' }, lease);
    if (taken === null) throw new Error('it was not taken');
    return taken;
  });
  let seq = 0;
  const append = async (...entries: LogEntry[]) => {
    await inWorkspace((scope) => appendEntries(scope, { id, claim, seq }, entries));
    seq += entries.length;
  };
  const end = () => {
    const usage = { inputTokens: 0, outputTokens: 0, cachedTokens: 0, costUsd: '0' };
    const last: LogEntry = { kind: 'COMPLETED', data: { messageId, usage, stopped: false } };
    return inWorkspace((scope) =>
      endGeneration(scope, { id, claim, seq }, { status: 'COMPLETED', attempts: [], usage, entries: [last] }),
    );
  };
  return { id, append, end };
}

async function rest(events: AsyncGenerator<GenerationEvent, void>): Promise<number[]> {
  const seqs: number[] = [];
  for await (const { seq } of events) seqs.push(seq);
  return seqs;
}

const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

test(`${FOLLOWERS} followers of one answer are told every event by one listener, and leave nothing behind`, async () => {
  const { id, append, end } = await begin();
  const listeners = stored.database.bus.listenerCount;
  await append({ kind: 'STARTED', data: { model: 'a/b' } });
  const following = await Promise.all(Array.from({ length: FOLLOWERS }, () => service.follow(caller, id, 0, signal)));
  const told = following.map(rest);
  for (let event = 0; event < 5; event += 1) await append(text(`${event} `));
  expect(stored.database.bus.listenerCount).toBe(listeners + 1);
  await end();
  const all = upTo(7);
  for (const seqs of await Promise.all(told)) expect(seqs).toEqual(all);
  expect(stored.database.bus.listenerCount).toBe(listeners);
});

test('a follower that does not read for a while comes back to every event, once and in order', async () => {
  const { id, append, end } = await begin();
  const slow = await service.follow(caller, id, 0, signal);
  await append({ kind: 'STARTED', data: { model: 'a/b' } });
  expect((await slow.next()).value).toMatchObject({ seq: 1 });
  const quick = rest(await service.follow(caller, id, 0, signal));
  for (let event = 1; event < EVENTS; event += 10) await append(...Array.from({ length: 10 }, () => text('word ')));
  await end();
  const all = await quick;
  expect(all).toEqual(upTo(all.length));
  expect(all.length).toBeGreaterThan(EVENTS);
  expect(await rest(slow)).toEqual(all.slice(1));
});

test('a follower that leaves, or never reads, is not waited for', async () => {
  const { id, append } = await begin();
  const listeners = stored.database.bus.listenerCount;
  const leaving = new AbortController();
  const events = await service.follow(caller, id, 0, leaving.signal);
  await service.follow(caller, id, 0, leaving.signal);
  const waiting = events.next();
  await append({ kind: 'STARTED', data: { model: 'a/b' } });
  expect((await waiting).value).toMatchObject({ seq: 1 });
  leaving.abort();
  expect(await events.next()).toMatchObject({ done: true });
  expect(stored.database.bus.listenerCount).toBe(listeners);
});
