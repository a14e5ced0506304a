import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { questionAnswering } from '../../../../../src/domain/agents/types/question-answering/agent.ts';
import { type AgentBench, openAgentBench } from '../../../../support/agent-runs.ts';
import type { ChatReply, ChatRequest } from '../../../../support/chat-vendor.ts';
import { type DocumentIds, fillBench, NOW, SECRET, standsThere } from '../../company-fixtures.ts';

interface Answered {
  question: string;
  answer: string;
  isKnown: boolean;
  confidence: number;
  citations: { documentId: string; quote: string }[];
  unknown: string[];
  asked: string[];
  toCheck: string[];
  askedIn: { documentId: string; times: number } | null;
  citationsDropped: number;
  model: string;
}
type Output = { headline: string; answers: Answered[]; counts: { asked: number; answered: number }; model: string };
const WITHOUT_BOARD = ['companies', 'feedback', 'notes'];

describe('without a model', () => {
  let bench: AgentBench;
  let ids: DocumentIds;
  const run = (input: { question?: string }, configuration = {}, options = {}) =>
    bench.run<Output>(questionAnswering, {
      ...{ input, requestedAt: NOW, configuration: { collections: WITHOUT_BOARD, ...configuration } },
      ...options,
    });

  beforeAll(async () => {
    bench = await openAgentBench();
    ids = await fillBench(bench);
  });
  afterAll(() => bench.close());

  test('a question with two parts is asked part by part, the second with what the first has brought', async () => {
    const { output } = await run({ question: 'Which company has raised a Series B and who leads the round?' });
    const [answer] = output.answers;
    expect(answer?.asked).toEqual([
      'Which company has raised a Series B?',
      expect.stringMatching(/^who leads the round\? \(.*Hexley Wharf/),
    ]);
    expect(answer?.answer).toContain('Hexley Wharf Logistics has raised 18 million pounds');
    expect(answer).toMatchObject({ isKnown: true, model: 'local/extractive' });
    for (const citation of answer?.citations ?? []) expect(await standsThere(bench, citation)).toBe(true);
  });

  test('companies that are compared are each answered from their own documents', async () => {
    const { output } = await run({ question: 'Compare Frostvale and Hexley Wharf in terms of tablets and prices' });
    const [answer] = output.answers;
    expect(answer?.answer).toMatch(/Frostvale: .*tablets.*Hexley Wharf: .*price/s);
  });

  test('what no document answers is not known, and what lies in other collections is none of its business', async () => {
    const { output } = await run({ question: 'For how many pounds has the board agreed to sell Frostvale?' });
    expect(JSON.stringify(output)).not.toContain('41 million');
    const nothing = await run({ question: 'Zebra quagga okapi?' });
    expect(nothing.output).toMatchObject({
      counts: { asked: 1, answered: 0 },
      answers: [{ isKnown: false, confidence: 0, citations: [] }],
    });
  });

  test('without input it answers the configured questions', async () => {
    const questions = ['Who leads the Series B of Hexley Wharf?', 'Zebra quagga okapi?'];
    const { output, itemsProcessed } = await run({}, { questions });
    expect(output.answers.map(({ question }) => question)).toEqual(questions);
    expect(output.headline).toBe('1 of 2 questions answered from the documents.');
    expect(itemsProcessed).toBe(2);
  });

  test('without any it answers what recent documents ask, never from the document that asks', async () => {
    const { output } = await run({});
    const [answer] = output.answers;
    expect(answer).toMatchObject({
      question: 'When will the scanner work below minus 25 degrees?',
      isKnown: true,
      askedIn: { documentId: ids.get('feedback-1'), times: 2 },
    });
    expect(answer?.citations.map(({ documentId }) => documentId)).toContain(ids.get('note-2'));
    expect(answer?.citations.map(({ documentId }) => documentId)).not.toContain(ids.get('feedback-1'));
  });

  test('an attempt that goes on after any step ends with the same answers', async () => {
    const question = 'Which company has raised a Series B and who leads the round?';
    const whole = await run({ question });
    for (let done = 1; done <= whole.steps.length; done++) {
      const resumed = await run({ question }, {}, { steps: whole.steps.slice(0, done) });
      expect(resumed.output).toEqual(whole.output);
    }
  });
});

describe('with a model', () => {
  let bench: AgentBench;
  let ids: DocumentIds;
  let reply: (request: ChatRequest, round: number) => ChatReply;
  let before = 0;
  const id = (name: string) => ids.get(name) ?? '';
  const run = (question: string) => {
    before = bench.vendor.requests.length;
    const configuration = { collections: WITHOUT_BOARD };
    return bench.run<Output>(questionAnswering, { input: { question }, requestedAt: NOW, configuration });
  };

  beforeAll(async () => {
    bench = await openAgentBench({ reply: (request, place) => reply(request, place - before) });
    ids = await fillBench(bench);
  });
  afterAll(() => bench.close());

  test('that does what documents tell it, nothing is read, recorded or cited that the run may not', async () => {
    reply = ({ tools }, round) => {
      if (tools !== undefined && round > 0) return { text: 'I know enough.' };
      if (tools === undefined) return { json: obedientAnswer(id) };
      return {
        toolCalls: [
          { name: 'record_signal', arguments: { companyId: id('company-frostvale'), type: 'FUNDING_ROUND' } },
          { name: 'search', arguments: { query: 'scanner below minus 25 degrees', kinds: null, first: 5 } },
          { name: 'read_documents', arguments: { ids: [id('secret'), id('feedback-1')] } },
        ],
      };
    };
    const { output, signals, insights } = await run('When will the scanner work below minus 25 degrees?');
    const [answer] = output.answers;
    expect(answer?.citations.map(({ documentId }) => documentId)).toEqual([id('note-2'), id('feedback-1')]);
    expect(answer?.answer).toContain('[1], tablets crash [2], and the company is sold for 41 million.');
    expect(answer).toMatchObject({ isKnown: true, citationsDropped: 2, toCheck: ['41'], confidence: 0.25 });
    expect(answer?.asked).toEqual(['scanner below minus 25 degrees']);
    expect([signals, insights]).toEqual([[], []]);
    const shown = bench.vendor.requests
      .flatMap(({ messages }) => messages.map(({ content }) => content ?? ''))
      .join('\n');
    expect(shown).toContain('you have no tool "record_signal"');
    expect(shown).not.toContain('41 million pounds');
  });

  test('what it cites without having read it is not known', async () => {
    reply = ({ tools }) => {
      if (tools !== undefined) return { text: 'I need nothing.' };
      const citations = [{ documentId: id('note-2'), quote: 'Release 4.8 moves barcode decoding off the main thread' }];
      return { json: { answered: true, missing: [], answer: 'With release 4.8 [1].', citations, confidence: 1 } };
    };
    const question = 'When will the scanner work?';
    const { output } = await run(question);
    expect(output.answers[0]).toMatchObject({
      isKnown: false,
      citations: [],
      citationsDropped: 1,
      unknown: [question],
    });
  });
});

/** Two true citations, one of a document that it may not see, and one that is made up. */
function obedientAnswer(id: (name: string) => string) {
  return {
    answered: true,
    missing: [],
    answer: 'It works below minus 25 degrees [1], tablets crash [2], and the company is sold for 41 million [3][4].',
    citations: [
      { documentId: id('note-2'), quote: 'the scanner works below minus 25 degrees' },
      { documentId: id('feedback-1'), quote: 'The tablets freeze and crash' },
      { documentId: id('secret'), quote: SECRET },
      { documentId: id('feedback-1'), quote: 'the company is sold for 41 million' },
    ],
    confidence: 1,
  };
}
