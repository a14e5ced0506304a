import { afterAll, beforeAll, expect, test } from 'vitest';
import type { WorkspaceScope } from '../../../src/db/workspace-scope.ts';
import { insertConversation } from '../../../src/domain/conversations/conversation-store.ts';
import type { LogEntry } from '../../../src/domain/conversations/generation.ts';
import { dropLogs, readLog } from '../../../src/domain/conversations/generation-log-store.ts';
import {
  appendEntries,
  endGeneration,
  insertGeneration,
  LeaseLostError,
  takeGenerations,
} from '../../../src/domain/conversations/generation-store.ts';
import { insertMessage, storeAnswerText } from '../../../src/domain/conversations/message-store.ts';
import { newId } from '../../../src/shared/ids.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';

let stored: TestDatabase;
const workspaceId = newId('Workspace');
beforeAll(async () => {
  stored = await testDatabase();
  await stored.database.withSystem(
    (scope) => scope.sql`
      insert into workspaces (id, name, slug, tier) values (${workspaceId}, 'Log', ${workspaceId}, 'ENTERPRISE')`,
  );
});
afterAll(() => stored?.close());

const inWorkspace = <Result>(work: (scope: WorkspaceScope) => Promise<Result>) =>
  stored.database.withWorkspace(workspaceId, work);
const usage = { inputTokens: 1, outputTokens: 1, cachedTokens: 0, costUsd: '0' };
const text = (words: string): LogEntry => ({ kind: 'TEXT', data: { text: words } });
const started: LogEntry = { kind: 'STARTED', data: { model: 'a/b' } };
const restarted: LogEntry = { kind: 'RESTARTED', data: { reason: 'cut', fromModel: 'a/b', toModel: 'c/d' } };

/** A generation that a process has taken. */
async function begin() {
  const [id, conversationId, messageId] = [newId('Generation'), newId('Conversation'), newId('Message')];
  return inWorkspace(async (scope) => {
    await insertConversation(scope, { id: conversationId, title: null, persona: null, metadata: {} });
    await insertMessage(scope, { id: messageId, conversationId, position: 1, role: 'ASSISTANT', text: '' });
    const options = { model: null, retrieval: false, filter: null, temperature: null, maxTokens: null };
    const whose = { apiKeyId: null, userId: null, requestId: 'req' };
    const row = { id, conversationId, questionId: messageId, messageId, options, ...whose };
    const taken = await insertGeneration(scope, row, { owner: 'one', seconds: 60 });
    if (taken === null) throw new Error('it was not taken');
    return taken;
  });
}

/** A generation that has ended after these entries. */
async function ended(entries: LogEntry[], whole: string): Promise<string> {
  const { id, claim, messageId } = await begin();
  await inWorkspace(async (scope) => {
    await appendEntries(scope, { id, claim, seq: 0 }, entries);
    await storeAnswerText(scope, { messageId, text: whole, language: null, citations: [], model: 'a/b' });
    await endGeneration(
      scope,
      { id, claim, seq: entries.length },
      {
        ...{ status: 'COMPLETED', attempts: [], usage },
        entries: [{ kind: 'COMPLETED', data: { messageId, usage, stopped: false } }],
      },
    );
  });
  return id;
}

async function eventsBehind(id: string, after: number) {
  return (await inWorkspace((scope) => readLog(scope, id, after, 100)))?.events ?? [];
}

/** What a client has once it was told these events. */
function textAfter(before: string, events: readonly LogEntry[]): string {
  return events.reduce(
    (so, { kind, data }) => (kind === 'TEXT' ? so + data.text : kind === 'RESTARTED' ? '' : so),
    before,
  );
}

const LOGS: Record<string, LogEntry[]> = {
  'of one piece': [started, text('whole')],
  'of many pieces': [started, text('a '), text('😀 '), text('über'), text('!')],
  'that was begun again': [started, text('void '), text('too'), restarted, text('The '), text('answer')],
  'that was begun again twice': [started, text('x'), restarted, text('y'), restarted, text('z')],
  'without a word': [started],
};

test.each(Object.entries(LOGS))(
  'a dropped log %s gives whoever comes back the rest of the same text',
  async (_name, entries) => {
    const whole = textAfter('', entries);
    const id = await ended(entries, whole);
    const all = await eventsBehind(id, 0);
    expect(all.map(({ seq }) => seq)).toEqual(all.map((_event, index) => index + 1));
    expect(await stored.database.withSystem((scope) => dropLogs(scope, -1, 100))).toBeGreaterThan(0);
    for (let after = 0; after <= all.length; after += 1) {
      const known = textAfter('', all.slice(0, after));
      const rest = await eventsBehind(id, after);
      expect(textAfter(known, rest), `after ${after}`).toBe(whole);
      const seqs = rest.map(({ seq }) => seq);
      expect(seqs).toEqual([...new Set(seqs)].sort((one, other) => one - other));
      expect(seqs.every((seq) => seq > after)).toBe(true);
      expect(rest.at(-1)).toEqual(after < all.length ? all.at(-1) : undefined);
    }
    const left = await inWorkspace(
      (scope) => scope.sql`select seq from generation_events where generation_id = ${id} and kind = 'TEXT'`,
    );
    expect(left).toHaveLength(0);
  },
);

test('what a process writes after another one has taken over changes nothing', async () => {
  const { id, claim } = await begin();
  await inWorkspace((scope) => appendEntries(scope, { id, claim, seq: 0 }, [started, text('old')]));
  await inWorkspace((scope) => scope.sql`update generations set lease_until = now() - interval '1 s' where id = ${id}`);
  const taken = await stored.database.withSystem((scope) => takeGenerations(scope, { owner: 'two', seconds: 60 }, 10));
  expect(taken).toMatchObject([{ id, claim: claim + 1, tries: 2, lastSeq: 2 }]);
  const late = inWorkspace((scope) => appendEntries(scope, { id, claim, seq: 2 }, [text('late')]));
  await expect(late).rejects.toThrow(LeaseLostError);
  await inWorkspace((scope) => appendEntries(scope, { id, claim: claim + 1, seq: 2 }, [restarted]));
  expect((await eventsBehind(id, 0)).map(({ kind }) => kind)).toEqual(['STARTED', 'TEXT', 'RESTARTED']);
});

test('entries that are written twice, because nobody knew of the first time, are there once', async () => {
  const { id, claim } = await begin();
  const place = { id, claim, seq: 0 };
  await inWorkspace((scope) => appendEntries(scope, place, [started, text('once')]));
  await inWorkspace((scope) => appendEntries(scope, place, [started, text('once')]));
  expect(await eventsBehind(id, 0)).toHaveLength(2);
});
