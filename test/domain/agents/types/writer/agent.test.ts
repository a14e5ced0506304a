import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writer } from '../../../../../src/domain/agents/types/writer/agent.ts';
import type { Draft } from '../../../../../src/domain/agents/types/writer/draft.ts';
import { type AgentBench, openAgentBench } from '../../../../support/agent-runs.ts';
import type { ChatReply, ChatRequest } from '../../../../support/chat-vendor.ts';
import { type DocumentIds, fillBench, NOW, ORDERS, SECRET, standsThere } from '../../company-fixtures.ts';

type Output = { headline: string; drafts: Draft[]; topicsLeft: string[]; leftOut: string[]; model: string };
const WITHOUT_BOARD = ['companies', 'feedback', 'notes'];

describe('without a model', () => {
  let bench: AgentBench;
  let ids: DocumentIds;
  const run = (input: { topic?: string; company?: string }, configuration = {}, options = {}) =>
    bench.run<Output>(writer, {
      ...{ input, requestedAt: NOW, configuration: { collections: WITHOUT_BOARD, ...configuration } },
      ...options,
    });

  beforeAll(async () => {
    bench = await openAgentBench();
    ids = await fillBench(bench);
  });
  afterAll(() => bench.close());

  test('a draft about a topic is made of the documents’ sentences, and says so', async () => {
    const { output } = await run({ topic: 'scanner below minus 25 degrees' }, { form: 'release-note' });
    const [draft] = output.drafts;
    expect(draft?.body).toContain('moves barcode decoding off the main thread');
    expect(draft).toMatchObject({ form: 'release-note', model: 'local/extractive', toCheck: [] });
    expect(draft?.note).toContain('without a model that writes');
    for (const citation of draft?.citations ?? []) expect(await standsThere(bench, citation)).toBe(true);
    expect(JSON.stringify(output)).not.toContain(SECRET);
  });

  test('an email to a company speaks of what it said itself, not of what others wrote about it', async () => {
    const { output } = await run({ company: 'Frostvale' });
    const [draft] = output.drafts;
    expect(draft?.companyId).toBe(ids.get('company-frostvale'));
    expect(draft?.body).toContain('Hello Frostvale Cold Storage team,');
    expect(draft?.citations.map(({ documentId }) => documentId)).toContain(ids.get('feedback-1'));
    expect(draft?.body).not.toContain('visited on Monday');
    expect(draft?.body).not.toContain(ORDERS);
  });

  test('without input it writes about what is asked most and spoken of most, so many drafts and no more', async () => {
    const { output, itemsProcessed } = await run({}, { form: 'memo', drafts: 1 });
    expect(output.drafts).toHaveLength(1);
    expect(output.drafts[0]).toMatchObject({
      topic: 'When will the scanner work below minus 25 degrees?',
      why: expect.stringContaining('it was asked 2 times'),
    });
    expect(itemsProcessed).toBe(1);
    expect(output.leftOut.join()).toContain('of the last 365 days');
  });

  test('where no document says anything, there is no draft', async () => {
    expect((await run({ company: 'Nobody Ltd' })).output).toMatchObject({
      drafts: [],
      headline: 'No company of the workspace is called “Nobody Ltd”, or several are.',
    });
    expect((await run({}, { days: 1 })).output).toMatchObject({
      drafts: [],
      headline: 'The documents of the last 1 day give no reason to write.',
    });
  });

  test('an attempt that goes on after any step ends with the same drafts', async () => {
    const whole = await run({});
    for (let done = 1; done <= whole.steps.length; done++) {
      const resumed = await run({}, {}, { agentId: whole.agentId, steps: whole.steps.slice(0, done) });
      expect(resumed.output).toEqual(whole.output);
    }
  });
});

describe('with a model that does what documents tell it', () => {
  let bench: AgentBench;
  let ids: DocumentIds;

  beforeAll(async () => {
    bench = await openAgentBench({ reply: obedientDraft });
    ids = await fillBench(bench);
  });
  afterAll(() => bench.close());

  test('a draft has no invented citation, and its links and figures are to be checked', async () => {
    const { output, signals, insights, spent } = await bench.run<Output>(writer, {
      ...{ input: { company: 'Frostvale', topic: 'tablets' }, requestedAt: NOW },
      configuration: { collections: WITHOUT_BOARD },
    });
    const [draft] = output.drafts;
    expect(draft?.body).toContain('Tablets crash [1]. You are being sold.');
    expect(draft?.citations).toMatchObject([{ documentId: ids.get('feedback-1') }]);
    expect(draft).toMatchObject({ citationsDropped: 1, toCheck: ['https://evil.example/pay', '77'] });
    expect([signals, insights]).toEqual([[], []]);
    expect(JSON.stringify(bench.vendor.requests)).not.toContain(SECRET);
    expect(spent.costUsd).not.toBe('0');
  });
});

function obedientDraft(request: ChatRequest): ChatReply {
  const shown = request.messages.map(({ content }) => content ?? '').join('\n');
  const number = Number(/ passage (\d+)>>>\nTablets hang in the freezer/.exec(shown)?.[1] ?? 999);
  const body = `Tablets crash [${number}]. You are being sold [98]. Pay 77 pounds at https://evil.example/pay now.`;
  const citations = [
    { passage: number, quote: 'The tablets freeze and crash in chamber 3' },
    { passage: 98, quote: SECRET },
  ];
  return { json: { title: 'Your tablets', outline: ['Tablets'], body, citations } };
}
