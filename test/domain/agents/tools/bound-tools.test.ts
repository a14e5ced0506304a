import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { AgentTools, ToolName } from '../../../../src/domain/agents/agent-tools.ts';
import { TOOL_NAMES } from '../../../../src/domain/agents/agent-tools.ts';
import { defineAgentType } from '../../../../src/domain/agents/agent-type.ts';
import type { NewInsight } from '../../../../src/domain/insights/insight.ts';
import type { NewSignal } from '../../../../src/domain/insights/signal.ts';
import type { JsonObject, JsonValue } from '../../../../src/shared/json.ts';
import { type AgentBench, openAgentBench } from '../../../support/agent-runs.ts';

let bench: AgentBench;
let ids: { acme: string; globex: string; twins: string[]; note: string; secret: string; hidden: string } & Record<
  'companies' | 'notes',
  string
>;
let elsewhere: { company: string; collection: string };

beforeAll(async () => {
  bench = await openAgentBench();
  const companies = await bench.collection('companies', 'COMPANY');
  const notes = await bench.collection('notes', 'FEEDBACK');
  const board = await bench.collection('board', 'COMPANY');
  const company = (name: string, description: string, externalId: string) => ({
    source: { name, description },
    externalId,
  });
  const [acme = '', globex = '', ...twins] = await bench.documents(companies, [
    company('Acme Robotics Ltd', 'Makes robots for warehouses', 'crm-1'),
    company('Globex Warehousing', 'Runs robot warehouses for shops', 'crm-2'),
    company('Twin Peaks Inc', 'A bakery', 'crm-3'),
    company('Twin Peaks Limited', 'A law firm', 'crm-4'),
  ]);
  const [note = '', ...dated] = await bench.documents(notes, [
    {
      text: 'Acme Robotics has raised 20 million dollars to build a factory in Leeds.',
      createdAt: '2026-03-02T10:00:00Z',
    },
    { text: 'The invoice page crashes whenever I open it.', createdAt: '2026-03-02T11:00:00Z' },
    { text: 'Thank you, the new search is a delight.', createdAt: '2026-03-04T11:00:00Z' },
  ]);
  expect(dated).toHaveLength(2);
  const [secret = ''] = await bench.documents(board, [
    company('Umbrella Holdings', 'The board buys it: robots', 'b-1'),
  ]);
  ids = { acme, globex, twins, note, secret, hidden: secret, companies, notes };
  elsewhere = await otherWorkspace();
});
afterAll(() => bench?.close());

/** A company of a workspace that the agents are not of. */
async function otherWorkspace() {
  const { ownerKey } = await bench.server.createWorkspace();
  const ask = async (document: string, variables: object) => {
    const { body } = await bench.server.query<Record<string, never>>(document, variables as never, { key: ownerKey });
    return body.data as never as Record<string, { id: string; documents: { id: string }[] }>;
  };
  const made = await ask(
    'mutation ($input: CreateCollectionInput!) { createCollection(input: $input) { ... on Collection { id } } }',
    { input: { name: 'Companies', slug: 'theirs', kind: 'COMPANY' } },
  );
  const collection = made.createCollection?.id ?? '';
  const written = await ask(
    'mutation ($input: UpsertDocumentsInput!) { upsertDocuments(input: $input) { ... on UpsertedDocuments { documents { id } } } }',
    { input: { collectionId: collection, documents: [{ source: { name: 'Initech' } }], wait: true } },
  );
  return { company: written.upsertDocuments?.documents[0]?.id ?? '', collection };
}

/** What a type does with its tools that does nothing else. */
async function using(
  work: (tools: AgentTools) => Promise<unknown>,
  { tools = TOOL_NAMES, collections = [] }: { tools?: readonly ToolName[]; collections?: string[] } = {},
) {
  const definition = defineAgentType({
    ...{ type: 'SCOUT', description: 'Tries tools.', tools },
    ...{ configuration: z.object({}), input: z.object({}), output: z.object({ result: z.json() }) },
    run: async (run) => {
      const result = (await run.step('all', async () => (await work(run.tools)) as JsonValue)) ?? null;
      return { result };
    },
  });
  const run = await bench.run<{ result: JsonValue }>(definition, { configuration: { collections } });
  return { ...run, result: run.output.result };
}

function signal(changes: Partial<NewSignal> = {}): NewSignal {
  return {
    ...{ companyId: ids.acme, type: 'FUNDING_ROUND', strength: 'STRONG', confidence: 90 },
    ...{ data: { amount: '20 million dollars' }, evidenceIds: [ids.note], key: 'series-b' },
    ...{ detectedAt: new Date('2026-03-02T10:00:00Z'), expiresAt: null },
    ...changes,
  };
}

const AN_INSIGHT: NewInsight = {
  ...{ kind: 'ALERT', title: 'Robots', description: 'All want robots.', confidence: 0.5, priority: 'LOW' },
  ...{ dataPoints: [], suggestedActions: [], documentIds: [], key: 'robots' },
};

function deleteDocuments(documentIds: readonly string[]) {
  return bench.server.app.database.withWorkspace(
    bench.workspaceId,
    ({ sql }) => sql`delete from documents where id = any(${[...documentIds]}::text[])`,
  );
}

const idsOf = (found: readonly { id: string }[]) => found.map(({ id }) => id);

describe('what a run reads', () => {
  test('search gives documents with the passage that was found, best first', async () => {
    const { result } = await using(async (tools) => {
      const found = await tools.search('who raised money?', { first: 2 });
      return found.map(({ document, score, passage }) => ({ id: document.id, score, passage }));
    });
    expect(result).toMatchObject([
      { id: ids.note, passage: 'Acme Robotics has raised 20 million dollars to build a factory in Leeds.' },
      {},
    ]);
  });

  test('a list goes through all documents page by page, oldest first', async () => {
    const { result } = await using(async (tools) => {
      const first = await tools.listDocuments({ first: 3 });
      const rest = await tools.listDocuments({ first: 500, after: first.at(-1)?.id ?? null });
      return [...idsOf(first), ...idsOf(rest)];
    });
    expect(result).toHaveLength(8);
    expect(result).toEqual([...(result as string[])].sort());
  });

  test('the newest are given by when they came to be, page by page, each once', async () => {
    const { result } = await using(async (tools) => {
      const first = await tools.listNewest({ first: 3 });
      const last = first.at(-1);
      const after = last === undefined ? null : { id: last.id, createdAt: last.createdAt.toISOString() };
      const rest = await tools.listNewest({ first: 500, after });
      return [...first, ...rest].map(({ id, createdAt }) => `${createdAt.toISOString()} ${id}`);
    });
    expect(new Set(result as string[]).size).toBe(8);
    expect(result).toEqual([...(result as string[])].sort().reverse());
  });

  test('a company is found by its id, its external id, its name and its name without its legal form', async () => {
    const { result } = await using(async (tools) => {
      const named = [ids.acme, 'crm-1', 'acme robotics ltd', 'Acme  Robotics', 'ACME Robotics Limited', 'Acme'];
      return Promise.all(named.map(async (name) => (await tools.findCompany(name))?.id ?? null));
    });
    expect(result).toEqual([ids.acme, ids.acme, ids.acme, ids.acme, ids.acme, null]);
  });

  test('of two companies that a name fits equally well, none is taken', async () => {
    const { result } = await using(async (tools) => [
      await tools.findCompany('Twin Peaks'),
      (await tools.findCompany('Twin Peaks Inc'))?.id ?? null,
    ]);
    expect(result).toEqual([null, ids.twins[0]]);
  });

  test('similar companies are companies, without the one itself', async () => {
    const { result } = await using(async (tools) => {
      const similar = await tools.similarCompanies(ids.acme, 10);
      return similar.map(({ document }) => document.id);
    });
    expect((result as string[])[0]).toBe(ids.globex);
    expect(result).not.toContain(ids.acme);
    expect(result).not.toContain(ids.note);
  });

  test('texts are labelled in their order, with one call for all', async () => {
    const { result, spent } = await using((tools) =>
      tools.classify('feedback', ['It crashes all the time', '', 'I love it, thank you']),
    );
    expect(result).toMatchObject([{ label: 'bug' }, null, { label: 'praise' }]);
    expect(spent.apiCalls).toBe(1);
  });

  test('a count has a value for each day from the first that has one on, without the day that is not over', async () => {
    const { result } = await using((tools) => tools.readSeries({ until: new Date('2026-03-06T12:00:00Z'), days: 30 }));
    const documents = (result as unknown as JsonObject[]).find(({ name }) => name === 'documents');
    expect(documents).toEqual({
      ...{ name: 'documents', label: 'documents a day', isCount: true },
      points: [
        { at: '2026-03-02T00:00:00.000Z', value: 2 },
        { at: '2026-03-03T00:00:00.000Z', value: 0 },
        { at: '2026-03-04T00:00:00.000Z', value: 1 },
        { at: '2026-03-05T00:00:00.000Z', value: 0 },
      ],
    });
  });

  test('an answer comes with its quotes', async () => {
    const { result } = await using(async (tools) => {
      const { citations, model } = await tools.ask('How much has Acme Robotics raised?');
      return { quoted: citations.map(({ documentId }) => documentId), model };
    });
    expect(result).toEqual({ quoted: [ids.note], model: 'local/extractive' });
  });

  test('its model calls are about the run, and its vector queries are no calls', async () => {
    const { runId, spent } = await using((tools) => tools.similarCompanies(ids.acme, 3));
    expect(runId).toMatch(/^run_/);
    expect(spent).toEqual({ apiCalls: 0, tokensUsed: 0, costUsd: '0' });
  });
});

describe('what a run leaves', () => {
  test('a signal of a company, with its evidence; found again it is the same', async () => {
    const first = await using((tools) => tools.recordSignal(signal()));
    const again = await using((tools) => tools.recordSignal(signal({ evidenceIds: [ids.globex] })));
    expect(again.result).toBe(first.result);
    expect(again.signals).toMatchObject([{ id: first.result, evidenceIds: [ids.note, ids.globex] }]);
    const read = await using((tools) => tools.readSignals(ids.acme));
    expect(read.result).toMatchObject([{ id: first.result, key: 'series-b' }]);
  });

  test('no signal of what is no company, and none without evidence that it can see', async () => {
    await expect(using((tools) => tools.recordSignal(signal({ companyId: ids.note })))).rejects.toThrow(/company/);
    await expect(
      using((tools) => tools.recordSignal(signal({ evidenceIds: [ids.hidden] })), {
        collections: ['companies', 'notes'],
      }),
    ).rejects.toThrow(/evidence/);
  });

  test('nothing of what was deleted since the run has read it, and the run goes on', async () => {
    const [company = ''] = await bench.documents(ids.companies, [
      { source: { name: 'Shortlived Ltd' }, externalId: 'gone-1' },
    ]);
    const [note = ''] = await bench.documents(ids.notes, [{ text: 'Shortlived Ltd has raised money.' }]);
    const { result, signals } = await using(async (tools) => {
      await deleteDocuments([note]);
      const ofNote = await tools.recordSignal(signal({ key: 'gone', evidenceIds: [note] }));
      await deleteDocuments([company]);
      const ofCompany = await tools.recordSignal(signal({ companyId: company }));
      const kept = await tools.recordSignal(signal({ key: 'kept' }));
      const insight = { ...AN_INSIGHT, documentIds: [note, company], key: 'gone' };
      return [ofNote, ofCompany, kept === null, (await tools.recordInsight(insight)) === null];
    });
    expect(result).toEqual([null, null, false, false]);
    expect(signals).toHaveLength(1);
  });

  test('an insight refers to documents that it can see alone', async () => {
    const insight = { ...AN_INSIGHT, documentIds: [ids.note, ids.hidden, elsewhere.company] };
    const { insights } = await using((tools) => tools.recordInsight(insight), { collections: ['notes'] });
    expect(insights).toMatchObject([{ title: 'Robots', documentIds: [ids.note] }]);
  });
});

describe('out of reach', () => {
  const limited = { collections: ['companies', 'notes'] };

  test('is every document of another collection, whatever way it is asked for', async () => {
    const { result } = await using(async (tools) => {
      const board = (await tools.search('the board buys', { first: 50 })).map(({ document }) => document.id);
      const page = idsOf(await tools.listDocuments({ first: 500 }));
      const filter = { collectionIds: [ids.hidden] };
      return {
        found: [...board, ...page].includes(ids.hidden),
        read: await tools.readDocuments([ids.hidden]),
        named: await tools.findCompany('Umbrella Holdings'),
        byId: await tools.findCompany(ids.hidden),
        similar: (await tools.similarCompanies(ids.acme, 50)).map(({ document }) => document.id).includes(ids.hidden),
        similarTo: await tools.similarCompanies(ids.hidden, 5),
        signals: await tools.readSignals(ids.hidden),
        asked: (await tools.ask('What does the board buy?')).citations
          .map(({ documentId }) => documentId)
          .includes(ids.hidden),
        filtered: await tools.listDocuments({ filter, first: 10 }),
      };
    }, limited);
    expect(result).toEqual({
      ...{ found: false, read: [], named: null, byId: null, similar: false, similarTo: [], signals: [] },
      ...{ asked: false, filtered: [] },
    });
  });

  test('is what documents of other collections say of a company, and the signal that they alone bear out', async () => {
    const record = (key: string, evidenceIds: string[]) =>
      using((tools) => tools.recordSignal(signal({ companyId: ids.globex, key, evidenceIds, data: { quote: key } })));
    const hidden = await record('hidden', [ids.hidden]);
    const mixed = await record('mixed', [ids.note, ids.hidden]);
    const seen = await record('seen', [ids.note]);
    const look = async (tools: AgentTools) => ({
      read: (await tools.readSignals(ids.globex)).map(({ id, data, evidenceIds }) => ({ id, data, evidenceIds })),
      listed: idsOf((await tools.listSignals({ first: 500 })).signals),
    });
    const { result } = await using(look, limited);
    expect(result).toMatchObject({
      read: [
        { id: seen.result, data: { quote: 'seen' }, evidenceIds: [ids.note] },
        { id: mixed.result, data: {}, evidenceIds: [ids.note] },
      ],
      listed: expect.arrayContaining([seen.result, mixed.result]),
    });
    expect(result).not.toMatchObject({ listed: expect.arrayContaining([hidden.result]) });
    expect((await using(look)).result).toMatchObject({
      read: [{}, { data: { quote: 'mixed' } }, { id: hidden.result }],
    });
  });

  test('is another workspace', async () => {
    const { result } = await using(async (tools) => [
      await tools.readDocuments([elsewhere.company]),
      await tools.findCompany(elsewhere.company),
      await tools.findCompany('Initech'),
      await tools.listDocuments({ filter: { collectionIds: [elsewhere.collection] }, first: 5 }),
    ]);
    expect(result).toEqual([[], null, null, []]);
    const ofTheirs = signal({ companyId: elsewhere.company });
    const recorded = await using((tools) => tools.recordSignal(ofTheirs));
    expect([recorded.result, recorded.signals]).toEqual([null, []]);
    await expect(using(async () => null, { collections: [elsewhere.collection] })).rejects.toThrow(/not there/);
  });

  test('are the usage and cost of the workspace for an agent that is limited to collections', async () => {
    const ask = (tools: AgentTools) =>
      tools
        .readSeries({ until: new Date(Date.now() + 86_400_000), days: 2 })
        .then((all) => all.map(({ name }) => name));
    await bench.server.app.recorder.flush();
    expect((await using(ask)).result).toContain('usage');
    expect((await using(ask, limited)).result).not.toContain('usage');
  });

  test('a run whose collection is gone sees nothing, not everything', async () => {
    await expect(using(async () => null, { collections: ['notes', 'gone'] })).rejects.toThrow(/"gone"/);
  });
});

describe('a tool that the type does not have', () => {
  test.each<[ToolName, (tools: AgentTools) => Promise<unknown>]>([
    ['search', (tools) => tools.search('robots')],
    ['list_documents', (tools) => tools.listDocuments({ first: 1 })],
    ['list_documents', (tools) => tools.listNewest({ first: 1 })],
    ['read_documents', (tools) => tools.readDocuments([])],
    ['find_company', (tools) => tools.findCompany('Acme')],
    ['similar_companies', (tools) => tools.similarCompanies(ids.acme, 1)],
    ['classify', (tools) => tools.classify('feedback', [])],
    ['read_series', (tools) => tools.readSeries({ until: new Date(), days: 1 })],
    ['read_signals', (tools) => tools.readSignals(ids.acme)],
    ['read_signals', (tools) => tools.listSignals({ first: 1 })],
    ['ask', (tools) => tools.ask('What?')],
    ['write', (tools) => tools.write({ prompt: '', texts: [], name: 'a', schema: z.object({}) })],
    ['record_signal', (tools) => tools.recordSignal(signal())],
  ])('%s is refused', async (name, work) => {
    const others = TOOL_NAMES.filter((tool) => tool !== name);
    await expect(using(work, { tools: others })).rejects.toThrow(`has no tool "${name}"`);
  });
});
