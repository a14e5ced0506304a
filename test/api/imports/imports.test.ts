import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '../../support/wait-for.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, workspaceClient } from '../workspace-client.ts';
import { ImportClient } from './import-client.ts';

let server: TestServer;
let client: ImportClient;

beforeAll(async () => {
  server = await startTestServer();
  client = new ImportClient(server, await openWorkspace(server));
});

afterAll(() => server?.close());

const TICKETS = [
  'Ticket #,Subject,Body,Opened,Plan',
  'T-1,Login,"I cannot log in,\nnot even with a new password.",2026-03-01 10:30,pro',
  'T-2,,,2026-03-02,free',
  'T-3,Invoice,The invoice has the wrong address.,2026-03-03T08:00:00+01:00,',
].join('\n');

describe('importDocuments', () => {
  test('makes a document of each record, by a mapping that is guessed', async () => {
    const collectionId = await client.collection();
    const done = await client.import(TICKETS, { collectionId });
    expect(done).toMatchObject({
      fileName: 'tickets.csv',
      totalRecords: 3,
      processedRecords: 3,
      failedRecords: 1,
      mapping: { externalId: 'Ticket #', title: 'Subject', text: 'Body', createdAt: 'Opened', metadata: ['Plan'] },
      job: { status: 'COMPLETED', result: { imported: 2, failed: 1, notImported: 0, created: 2, updated: 0 } },
      errors: {
        nodes: [
          {
            line: 4,
            message: 'has neither a title nor a text, and its source gives none',
            record: { 'Ticket #': 'T-2', Opened: '2026-03-02' },
          },
        ],
      },
    });
    expect(await client.documents(collectionId)).toMatchObject([
      {
        externalId: 'T-1',
        kind: 'TEXT',
        title: 'Login',
        text: 'I cannot log in,\nnot even with a new password.',
        metadata: { Plan: 'pro' },
      },
      { externalId: 'T-3', title: 'Invoice', createdAt: '2026-03-03T07:00:00.000Z', metadata: {} },
    ]);
  });

  test('takes a mapping, and refuses one with a column that is not there before anything is stored', async () => {
    const collectionId = await client.collection();
    const refused = await client.send(TICKETS, {
      collectionId,
      mapping: { text: 'Body', metadata: ['Plan', 'Price'] },
    });
    expect(refused).toMatchObject({
      __typename: 'InvalidInputError',
      message:
        'mapping.metadata.1: names "Price", which is no column; the file has "Ticket #", "Subject", "Body", "Opened", "Plan"',
    });
    expect(await client.documents(collectionId)).toEqual([]);
    const mapping = { text: 'body', title: 'Subject', createdAt: 'Opened' };
    const done = await client.import(TICKETS, { collectionId, mapping });
    expect(done.mapping).toMatchObject({ text: 'Body', title: 'Subject', createdAt: 'Opened', metadata: [] });
    const stored = await client.documents(collectionId);
    expect(stored.map(({ externalId, createdAt, metadata }) => ({ externalId, createdAt, metadata }))).toEqual([
      { externalId: null, createdAt: '2026-03-01T10:30:00.000Z', metadata: {} },
      { externalId: null, createdAt: '2026-03-03T07:00:00.000Z', metadata: {} },
    ]);
  });

  test('refuses a mapping with a field that there is not', async () => {
    const collectionId = await client.collection();
    const refused = await client.send(TICKETS, { collectionId, mapping: { body: 'Body' } });
    expect(refused).toMatchObject({ code: 'BAD_INPUT', message: 'mapping: has body, which is no field' });
  });

  test('updates the documents of external ids that are there, and adds those of records without one', async () => {
    const collectionId = await client.collection();
    const rows = (body: string) => `id,body\nA-1,${body}\nA-2,second\nA-1,${body} for good\n`;
    const mapping = { text: 'body', externalId: 'id' };
    const first = await client.import(rows('first'), { collectionId, mapping });
    expect(first.job.result).toMatchObject({ imported: 3, created: 2, updated: 1, unchanged: 0 });
    const second = await client.import(rows('changed'), { collectionId, mapping });
    expect(second.job.result).toMatchObject({ imported: 3, created: 0, updated: 2, unchanged: 1 });
    expect((await client.documents(collectionId)).map(({ text }) => text)).toEqual(['changed for good', 'second']);
    await client.import('body\nno id\n', { collectionId });
    await client.import('body\nno id\n', { collectionId });
    expect(await client.documents(collectionId)).toHaveLength(4);
  });

  test('is the same import for the same key, and reads no second file', async () => {
    const collectionId = await client.collection();
    const input = { collectionId, idempotencyKey: 'monday' };
    const first = await client.import('text\nonce\n', input);
    const second = await client.send('text\ntwice\n', input);
    expect(second.id).toBe(first.id);
    expect(await client.send('text\ntwice\n', { ...input, format: 'JSONL' })).toMatchObject({ code: 'CONFLICT' });
    expect((await client.documents(collectionId)).map(({ text }) => text)).toEqual(['once']);
  });

  test('of one key at once by many is one import', async () => {
    const collectionId = await client.collection();
    const input = { collectionId, idempotencyKey: 'at once' };
    const sent = await Promise.all(Array.from({ length: 6 }, (_, i) => client.send(`text\nnumber ${i}\n`, input)));
    expect(new Set(sent.map(({ id }) => id)).size).toBe(1);
    await client.finished(sent[0]?.id ?? '');
    expect(await client.documents(collectionId)).toHaveLength(1);
  });

  test('reads documents and other objects from JSONL, and goes on after a bad line', async () => {
    const collectionId = await client.collection();
    const documents =
      '{"externalId":"d1","text":"one","metadata":{"stars":5}}\n\n{"text":"two","createdAt":"2026-01-01"}\n';
    const done = await client.import(`${documents}{"text":\n[1]\n{"text":"three","metadata":7}\n`, {
      collectionId,
      format: 'JSONL',
    });
    expect(done.mapping).toMatchObject({ documents: true });
    expect(done.errors.nodes.map(({ line, message }) => ({ line, message }))).toEqual([
      { line: 4, message: 'is not valid JSON' },
      { line: 5, message: 'is no JSON object: each line holds one' },
      { line: 6, message: 'metadata: must be a JSON object' },
    ]);
    const stored = await client.documents(collectionId);
    expect(stored).toMatchObject([
      { externalId: 'd1', text: 'one', metadata: { stars: 5 } },
      { text: 'two', createdAt: '2026-01-01T00:00:00.000Z' },
    ]);
    const others = await client.collection();
    const records = '{"id":"r1","comment":"A fine thing it is.","nested":{"plan":"pro"}}\n';
    await client.import(records, { collectionId: others, format: 'JSONL' });
    expect(await client.documents(others)).toMatchObject([
      { externalId: 'r1', text: 'A fine thing it is.', metadata: { nested: { plan: 'pro' } } },
    ]);
  });

  test('takes the keys of an object that is called metadata, and a column of its own before them', async () => {
    const records = [
      { id: 'm1', text: 'The first of them.', metadata: { plan: 'pro', seats: 3, deep: { a: [1] } }, plan: 'free' },
      { id: 'm2', text: 'The second.', metadata: 'none', plan: null },
      { id: 'm3', text: 'The third.', metadata: {} },
    ];
    const lines = records.map((record) => JSON.stringify(record)).join('\n');
    const collectionId = await client.collection();
    await client.import(lines, { collectionId, format: 'JSONL' });
    const expected = [
      { externalId: 'm1', metadata: { plan: 'free', seats: 3, deep: { a: [1] } } },
      { externalId: 'm2', metadata: { metadata: 'none' } },
      { externalId: 'm3', metadata: {} },
    ];
    const byId = (stored: readonly { externalId: string | null; metadata: object }[]) =>
      stored
        .map(({ externalId, metadata }) => ({ externalId, metadata }))
        .sort((left, right) => String(left.externalId).localeCompare(String(right.externalId)));
    expect(byId(await client.documents(collectionId))).toEqual(expected);
    const feedback = await client.collection('FEEDBACK');
    await client.import(lines, { collectionId: feedback, format: 'JSONL' });
    // Short texts of feedback are metadata, too.
    expect(byId(await client.documents(feedback))).toMatchObject(expected);
  });

  test('gives records of a collection of companies to the extractor of companies', async () => {
    const collectionId = await client.collection('COMPANY');
    const csv =
      'Company Name,One Liner,Industry,Website\nOrbit,Maps for ships,Logistics,https://www.orbit.example/about\n';
    const done = await client.import(csv, { collectionId });
    expect(done.mapping).toMatchObject({ source: true });
    expect(await client.documents(collectionId)).toMatchObject([
      {
        kind: 'COMPANY',
        title: 'Orbit',
        text: expect.stringContaining('Website: orbit.example'),
        source: { Industry: 'Logistics' },
      },
    ]);
  });

  test('is refused to a viewer, and for a collection of another workspace', async () => {
    const collectionId = await client.collection();
    const viewer = await server.createKey(client.workspace.ownerKey, 'VIEWER');
    expect(await client.send(TICKETS, { collectionId }, { key: viewer.secret })).toMatchObject({ code: 'FORBIDDEN' });
    const stranger = await openWorkspace(server);
    expect(await client.send(TICKETS, { collectionId }, { key: stranger.ownerKey })).toMatchObject({
      code: 'NOT_FOUND',
    });
  });
});

describe('an import', () => {
  test('is seen by its own workspace alone, also through its job and its report', async () => {
    const collectionId = await client.collection();
    const done = await client.import('text\n"=1+1"\n" "\n', { collectionId, mapping: { text: 'text' } });
    const stranger = await openWorkspace(server);
    expect(await stranger.errorCode('query ($id: ID!) { node(id: $id) { id } }', { id: done.id })).toBe('NOT_FOUND');
    const { node } = await client.workspace.read<{ node: { import: { id: string } } }>(
      'query ($id: ID!) { node(id: $id) { ... on Job { import { id } } } }',
      { id: done.job.id },
    );
    expect(node.import.id).toBe(done.id);
    const report = await fetch(`${server.url}/imports/${done.id}/report.json`, {
      headers: { authorization: `Bearer ${stranger.ownerKey}` },
    });
    expect(report.status).toBe(404);
  });

  test('has a report, whose CSV runs no formulas', async () => {
    const collectionId = await client.collection();
    const rows = 'id,text,when\n1,good,2026-01-01\n=cmd(),bad,"=HYPERLINK(1)"\n';
    const mapping = { text: 'text', createdAt: 'when', externalId: 'id' };
    const done = await client.import(rows, { collectionId, mapping });
    const csv = await (await fetch(new URL(done.reportUrl, server.url))).text();
    expect(csv.split('\n')[0]).toBe('line,record_number,message,record');
    expect(csv).toContain('createdAt: ""=HYPERLINK(1)""');
    expect(csv).not.toMatch(/(^|,)"?[=+@]/m);
    const address = new URL(done.reportUrl.replace('report.csv', 'report.json'), server.url);
    expect(await (await fetch(address)).json()).toMatchObject({
      import: done.id,
      file: { name: 'tickets.csv' },
      read: { format: 'CSV', encoding: 'utf-8', delimiter: ',' },
      mapping: { text: 'text' },
      records: { total: 2, imported: 1, failed: 1, notImported: 0 },
      documents: { created: 1, updated: 0, unchanged: 0 },
      errors: [{ line: 3, recordNumber: 2 }],
    });
  });

  test('has its documents embedded and labelled by jobs of their own', async () => {
    const collectionId = await client.collection();
    const done = await client.import('text\nI love the new dock.\n', { collectionId, tasks: ['EMBED', 'SENTIMENT'] });
    expect(done.job.status).toBe('COMPLETED');
    const ready = 'query ($filter: DocumentFilter) { documents(filter: $filter) { totalCount } }';
    await waitFor(
      'the vectors',
      async () => {
        const filter = { collectionIds: [collectionId], embedding: ['READY'] };
        const { documents } = await client.workspace.read<{ documents: { totalCount: number } }>(ready, { filter });
        return documents.totalCount === 1;
      },
      60_000,
    );
  });

  test('of conversations makes messages, and one summary of each conversation', async () => {
    const collectionId = await client.collection('MESSAGE');
    const rows = [
      'thread,from,sent,message',
      ...Array.from(
        { length: 120 },
        (_, i) =>
          `room ${i % 2},${i % 4 < 2 ? 'Ann' : 'Ben'},2026-01-01T00:${String(i % 60).padStart(2, '0')}:00Z,"Message ${i}: this is wonderful, thank you!"`,
      ),
    ].join('\n');
    const done = await client.import(rows, { collectionId });
    expect(done.mapping).toMatchObject({ conversation: 'thread', author: 'from', createdAt: 'sent', text: 'message' });
    const { conversationsJob } = done.job.result as { conversationsJob: string };
    const look = 'query ($id: ID!) { node(id: $id) { ... on Job { status result } } }';
    await waitFor(
      'the summaries',
      async () => {
        const { node } = await client.workspace.read<{ node: { status: string } }>(look, { id: conversationsJob });
        return node.status === 'COMPLETED';
      },
      60_000,
    );
    const summaries = await client.documents(collectionId, { kinds: ['TEXT'] });
    expect(summaries.map(({ externalId }) => externalId).sort()).toEqual([
      'conversation:room 0',
      'conversation:room 1',
    ]);
    for (const { text, metadata } of summaries) {
      expect(text).toContain('wonderful');
      expect(metadata).toMatchObject({ messages: 60, participants: ['Ann', 'Ben'], summaryModel: 'local/extractive' });
      expect(metadata.sentiment).toBeGreaterThan(0);
    }
    await client.import(rows, { collectionId });
    await waitFor(
      'one summary for each conversation',
      async () => (await client.documents(collectionId, { kinds: ['TEXT'] })).length === 2,
    );
    expect(await client.documents(collectionId, { kinds: ['MESSAGE'] })).toHaveLength(240);
  });

  test('needs AI_USE where its messages are judged, and DOCUMENTS_WRITE where they are not', async () => {
    const collectionId = await client.collection();
    const member = await server.createKey(client.workspace.ownerKey, 'MEMBER');
    const memberClient = new ImportClient(
      server,
      workspaceClient(server, { ...client.workspace, ownerKey: member.secret }),
    );
    const done = await memberClient.import('text\nby a member\n', { collectionId });
    expect(done.processedRecords).toBe(1);
  });
});
