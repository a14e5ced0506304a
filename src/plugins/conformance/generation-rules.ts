import assert from 'node:assert/strict';
import type { GenerateRequest, GenerateResult } from '../contract.ts';
import { chatModel, PIECES, question, replying, replyOf, TEXT, USAGE, WEATHER_CALLS, WEATHER_TOOL } from './replies.ts';
import type { AskedChat, ConformanceSubject } from './subject.ts';
import { type ConformanceRule, call, collect, promises, ruleMaker, type Trial } from './trial.ts';

/** A whole answer, whichever way it was asked for. */
type Ask = (trial: Trial, request: GenerateRequest) => Promise<Omit<GenerateResult, 'reasoning'>>;

const WAYS: readonly { capability: 'GENERATE' | 'STREAM'; name: string; ask: Ask }[] = [
  {
    capability: 'GENERATE',
    name: 'a whole answer',
    ask: async ({ provider }, request) => (await provider.generate?.(request, call())) as GenerateResult,
  },
  {
    capability: 'STREAM',
    name: 'a streamed answer',
    ask: async ({ provider }, request) => {
      const { text, toolCalls, finish } = await collect(provider.stream?.(request, call()));
      return { ...finish, text, toolCalls };
    },
  },
];

/** What holds for answers, whole and streamed alike. */
export function generationRules(subject: ConformanceSubject): ConformanceRule[] {
  return WAYS.filter(({ capability }) => promises(subject, capability)).flatMap(({ name, ask }) => [
    ...answerRules(subject, name, ask),
    ...(promises(subject, 'STRUCTURED_OUTPUT') ? [structuredRule(subject, name, ask)] : []),
    ...(promises(subject, 'TOOLS') ? toolRules(subject, name, ask) : []),
    ...(promises(subject, 'IMAGE_INPUT') ? [imageRule(subject, name, ask)] : []),
  ]);
}

function answerRules(subject: ConformanceSubject, name: string, ask: Ask): ConformanceRule[] {
  const rule = ruleMaker(subject);
  return [
    rule(`${name} has the vendor's text, finish reason and model`, async (trial) => {
      const reply = replyOf(subject);
      trial.play(replying(subject, reply));
      const answer = await ask(trial, question(subject));
      assert.equal(answer.text, TEXT);
      assert.deepEqual([...answer.toolCalls], []);
      assert.equal(answer.finishReason, 'stop');
      assert.equal(answer.model, reply.model);
      assert.equal(trial.requests.length, 1, 'there should be one request');
    }),
    rule(`${name} has the tokens that the vendor counted`, async (trial) => {
      if (subject.wire.chat?.countsTokens === false) trial.leaveOut('the vendor tells no tokens');
      trial.play(replying(subject, replyOf(subject)));
      const { usage } = await ask(trial, question(subject));
      assert.equal(usage.inputTokens, USAGE.inputTokens);
      assert.equal(usage.outputTokens, USAGE.outputTokens);
    }),
    rule(`${name} is asked for with the model and all messages in order`, async (trial) => {
      trial.play(replying(subject, replyOf(subject)));
      await ask(trial, conversation(subject));
      const asked = askedOf(trial);
      assert.equal(asked.model, chatModel(subject));
      assert.deepEqual(joinedByRole(asked), [
        ['system', 'Answer in one word.'],
        ['user', 'Is it “warm”?\nHere: 東京'],
        ['assistant', 'Yes.'],
        ['user', 'And dry?'],
      ]);
    }),
    rule(`${name} is asked for with the temperature, or the wish is refused`, async (trial) => {
      trial.play(replying(subject, replyOf(subject)));
      const asking = () => ask(trial, question(subject, { temperature: 0.25 }));
      if (subject.wire.chat?.takesTemperature === false) {
        await trial.providerError(asking, 'bad_request');
        return;
      }
      await asking();
      assert.equal(askedOf(trial).temperature, 0.25);
    }),
    limitRule(subject, name, ask),
    rule(`${name} that met its limit says so`, async (trial) => {
      if (subject.wire.chat?.endsByLength === false) trial.leaveOut('the vendor does not tell that a limit was met');
      trial.play(replying(subject, replyOf(subject, { finishReason: 'length' })));
      assert.equal((await ask(trial, question(subject))).finishReason, 'length');
    }),
    rule(`${name} that the vendor's filter stopped says so`, async (trial) => {
      if (subject.wire.chat?.endsByContentFilter === false) trial.leaveOut('the vendor stops no answer half-way');
      trial.play(replying(subject, replyOf(subject, { pieces: PIECES.slice(0, 2), finishReason: 'content_filter' })));
      assert.equal((await ask(trial, question(subject))).finishReason, 'content_filter');
    }),
  ];
}

function limitRule(subject: ConformanceSubject, name: string, ask: Ask): ConformanceRule {
  return ruleMaker(subject)(
    `${name} is asked for with the limit of its tokens, cut at it, or refused`,
    async (trial) => {
      trial.play(replying(subject, replyOf(subject)));
      if (subject.wire.chat?.takesMaxOutputTokens !== false) {
        await ask(trial, question(subject, { maxOutputTokens: 77 }));
        assert.equal(askedOf(trial).maxOutputTokens, 77);
        return;
      }
      const outcome = await ask(trial, question(subject, { maxOutputTokens: 1 })).catch((error: unknown) => ({
        error,
      }));
      if ('error' in outcome) await trial.providerError(() => Promise.reject(outcome.error), 'bad_request');
      else assert.ok(TEXT.startsWith(outcome.text) && outcome.text !== TEXT, 'the answer should be cut, or refused');
    },
  );
}

function conversation(subject: ConformanceSubject): GenerateRequest {
  return question(subject, {
    messages: [
      { role: 'system', text: 'Answer in one word.' },
      {
        role: 'user',
        parts: [
          { kind: 'text', text: 'Is it “warm”?\n' },
          { kind: 'text', text: 'Here: 東京' },
        ],
      },
      { role: 'assistant', text: 'Yes.' },
      { role: 'user', parts: [{ kind: 'text', text: 'And dry?' }] },
    ],
  });
}

function structuredRule(subject: ConformanceSubject, name: string, ask: Ask): ConformanceRule {
  const schema = {
    type: 'object',
    properties: { city: { type: 'string' }, isDry: { type: 'boolean' } },
    required: ['city', 'isDry'],
    additionalProperties: false,
  };
  return ruleMaker(subject)(`${name} has the shape that was asked for, by the vendor's own means`, async (trial) => {
    trial.play(replying(subject, replyOf(subject, { pieces: ['{"city":"東', '京","isDry":tr', 'ue}'] })));
    const answer = await ask(trial, question(subject, { format: { name: 'weather', schema } }));
    assert.deepEqual(JSON.parse(answer.text), { city: '東京', isDry: true });
    const asked = askedOf(trial).schema as typeof schema | undefined;
    assert.deepEqual(Object.keys(asked?.properties ?? {}), ['city', 'isDry'], 'the schema should go out');
    assert.deepEqual(asked?.required, schema.required);
  });
}

function toolRules(subject: ConformanceSubject, name: string, ask: Ask): ConformanceRule[] {
  const rule = ruleMaker(subject);
  const reply = replyOf(subject, { pieces: ['Let me look.'], toolCalls: WEATHER_CALLS, finishReason: 'tool_calls' });
  return [
    rule(`${name} may call tools, whose definitions go out`, async (trial) => {
      trial.play(replying(subject, reply));
      const answer = await ask(trial, question(subject, { tools: [WEATHER_TOOL] }));
      assert.equal(answer.text, 'Let me look.');
      assert.equal(answer.finishReason, 'tool_calls');
      assert.deepEqual(
        answer.toolCalls.map((each) => [each.name, JSON.parse(each.arguments)]),
        [
          ['get_weather', { city: 'Paris' }],
          ['get_weather', { city: '東京' }],
        ],
      );
      assert.equal(new Set(answer.toolCalls.map(({ id }) => id)).size, 2, 'each call should have its id');
      const [tool, ...others] = askedOf(trial).tools;
      assert.deepEqual(others, []);
      assert.equal(tool?.name, WEATHER_TOOL.name);
      assert.equal(tool?.description, WEATHER_TOOL.description);
      assert.deepEqual(tool?.parameters.properties, WEATHER_TOOL.parameters.properties);
    }),
    rule(`${name} goes on from the results of its tools`, async (trial) => {
      trial.play(replying(subject, reply));
      const first = await ask(trial, question(subject, { tools: [WEATHER_TOOL] }));
      trial.play(replying(subject, replyOf(subject)));
      const results = first.toolCalls.map(({ id }, index) => ({
        role: 'tool' as const,
        toolCallId: id,
        text: `{"celsius":${20 + index}}`,
      }));
      const { messages } = question(subject);
      const turn = { role: 'assistant' as const, text: first.text, toolCalls: first.toolCalls };
      const answer = await ask(
        trial,
        question(subject, { messages: [...messages, turn, ...results], tools: [WEATHER_TOOL] }),
      );
      assert.equal(answer.text, TEXT);
      const asked = askedOf(trial);
      assert.deepEqual(
        asked.toolCalls.map((each) => [each.name, JSON.parse(each.arguments)]),
        first.toolCalls.map((each) => [each.name, JSON.parse(each.arguments)]),
      );
      const told = asked.texts.filter(({ role }) => role === 'tool').map(({ text }) => text);
      assert.equal(told.length, 2, 'both results should go out');
      for (const [index, text] of told.entries()) assert.ok(text.includes(String(20 + index)), text);
    }),
  ];
}

/** A red point, as a PNG. */
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';

function imageRule(subject: ConformanceSubject, name: string, ask: Ask): ConformanceRule {
  return ruleMaker(subject)(`${name} may be about an image`, async (trial) => {
    trial.play(replying(subject, replyOf(subject)));
    await ask(
      trial,
      question(subject, {
        model: subject.models.vision ?? chatModel(subject),
        messages: [
          {
            role: 'user',
            parts: [
              { kind: 'text', text: 'What is this?' },
              { kind: 'image', mimeType: 'image/png', base64: PNG },
            ],
          },
        ],
      }),
    );
    const asked = askedOf(trial);
    assert.deepEqual(
      asked.texts.map(({ text }) => text),
      ['What is this?'],
    );
    assert.deepEqual(
      asked.images.map(({ mimeType, base64 }) => [mimeType, base64]),
      [['image/png', PNG]],
    );
  });
}

/** A message may go out in parts. */
function joinedByRole({ texts }: AskedChat): [role: string, text: string][] {
  const joined: [role: string, text: string][] = [];
  for (const { role, text } of texts) {
    const last = joined.at(-1);
    if (last?.[0] === role) last[1] += text;
    else joined.push([role, text]);
  }
  return joined;
}

function askedOf(trial: Trial): AskedChat {
  const [request] = trial.requests;
  assert.ok(request !== undefined, 'a request should have come');
  const asked = trial.subject.wire.chat?.asked(request);
  assert.ok(asked !== undefined, 'the subject has no wire.chat');
  return { stream: false, images: [], tools: [], toolCalls: [], ...asked };
}
