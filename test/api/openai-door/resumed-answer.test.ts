import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { GenerationPart } from '../../../src/domain/gateway/generation.ts';
import { GenerationRestartedError, ResumedAnswer } from '../../../src/server/openai-door/resumed-answer.ts';
import { ResumedText } from '../../../src/server/openai-door/resumed-text.ts';

/** A text in the pieces that a provider might send it in. */
const pieces = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'é', '\u{1f600}') }));
const joined = (parts: readonly string[]) => parts.join('');

/** One text, cut in two ways: the first writer sends a beginning of it alone. */
const retold = fc.tuple(pieces, fc.nat(), fc.array(fc.nat(), { maxLength: 8 })).map(([parts, stop, cuts]) => ({
  begun: parts.slice(0, stop % (parts.length + 1)),
  again: cut(joined(parts), cuts),
}));

function cut(text: string, places: readonly number[]): string[] {
  const ends = [...places.map((place) => place % (text.length + 1)), text.length].sort((left, right) => left - right);
  return ends.map((end, index) => text.slice(ends[index - 1] ?? 0, end));
}

/** What the reader has after each writer's pieces; null where the last writer's text is not the reader's. */
function read(writers: readonly (readonly string[])[]): string | null {
  const text = new ResumedText();
  let reader = '';
  for (const [index, parts] of writers.entries()) {
    if (index > 0) text.restart();
    for (const piece of parts) {
      const unsent = text.take(piece);
      if (unsent === null) return null;
      reader += unsent;
    }
  }
  return text.caughtUp ? reader : null;
}

type AnswerPart = Extract<GenerationPart, { kind: 'text' | 'reasoning' | 'toolCall' }>;
type CallPart = Extract<AnswerPart, { kind: 'toolCall' }>;

interface ToldCall {
  name: string | undefined;
  arguments: string;
}

/** What a client has: an id is the vendor's own and no part of it. */
interface Told {
  text: string;
  calls: (ToldCall | undefined)[];
}

/** Short, so that two answers are often alike: their arguments are often none. */
const word = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 3 });
const toolCall = fc.record({ name: fc.constantFrom('weather', 'news'), arguments: word });
const content = fc.record({ text: word, calls: fc.array(toolCall, { maxLength: 3 }) });
const choices = fc.infiniteStream(fc.nat());

type Content = typeof content extends fc.Arbitrary<infer Value> ? Value : never;
type Choices = typeof choices extends fc.Arbitrary<infer Value> ? Value : never;

/** The parts of an answer, cut anywhere, with text and calls mixed as a provider might. */
function partsOf({ text, calls }: Content, chosen: Choices): AnswerPart[] {
  const choose = (below: number) => (chosen.next().value as number) % below;
  const cuts = (whole: string) => cut(whole, [choose(whole.length + 1), choose(whole.length + 1)]);
  const queues: AnswerPart[][] = [
    cuts(text).map((piece) => ({ kind: 'text', text: piece })),
    ...calls.map(({ name, arguments: args }, index) =>
      cuts(args).map(
        (piece, place): CallPart => ({
          ...({ kind: 'toolCall', index, arguments: piece } as const),
          ...(place === 0 ? { id: `call_${choose(1_000)}`, name } : {}),
        }),
      ),
    ),
  ];
  const parts: AnswerPart[] = [];
  for (let open = queues; open.length > 0; open = open.filter((queue) => queue.length > 0)) {
    parts.push(...(open[choose(open.length)]?.splice(0, 1) ?? []));
  }
  return parts;
}

function put(told: Told, part: AnswerPart): void {
  if (part.kind === 'text') told.text += part.text;
  if (part.kind !== 'toolCall') return;
  const known = told.calls[part.index] ?? { name: part.name, arguments: '' };
  told.calls[part.index] = { ...known, arguments: known.arguments + part.arguments };
}

function toldBy(parts: readonly AnswerPart[]): Told {
  const told: Told = { text: '', calls: [] };
  for (const part of parts) put(told, part);
  return told;
}

/** What the client has in the end; null where it was told of an error. */
function answered(writers: readonly (readonly AnswerPart[])[]): Told | null {
  const answer = new ResumedAnswer();
  const told: Told = { text: '', calls: [] };
  try {
    for (const [index, parts] of writers.entries()) {
      if (index > 0) answer.restart();
      for (const part of parts) {
        const unsent = answer.take(part);
        if (unsent !== null) put(told, unsent);
      }
    }
    answer.complete();
    return told;
  } catch (error) {
    if (error instanceof GenerationRestartedError) return null;
    throw error;
  }
}

/** Whether an answer has all that was told, and goes on from there. */
function goesOn(told: Told, answer: Content): boolean {
  const isRepeated = (call: ToldCall | undefined, index: number) =>
    call === undefined ||
    (answer.calls[index]?.name === call.name && answer.calls[index]?.arguments.startsWith(call.arguments) === true);
  return answer.text.startsWith(told.text) && told.calls.every(isRepeated);
}

describe('a text that is begun again', () => {
  test('reaches its reader once and whole, however both writers cut it', () => {
    fc.assert(
      fc.property(retold, ({ begun, again }) => {
        expect(read([begun, again])).toBe(joined(again));
      }),
    );
  });

  test('reaches its reader once and whole after any number of beginnings', () => {
    fc.assert(
      fc.property(retold, fc.nat(), ({ begun, again }, stop) => {
        const second = again.slice(0, stop % (again.length + 1));
        expect(read([begun, second, again])).toBe(joined(again));
      }),
    );
  });

  test('is the last writer’s own text or an error, never something between', () => {
    fc.assert(
      fc.property(pieces, pieces, (first, second) => {
        const isSame = joined(second).startsWith(joined(first));
        expect(read([first, second])).toBe(isSame ? joined(second) : null);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('an answer that is begun again', () => {
  const alike = { numRuns: 2_000 };

  test('reaches its client once and whole, with text and calls mixed and cut anyhow', () => {
    fc.assert(
      fc.property(content, choices, fc.array(fc.nat(), { maxLength: 3 }), (whole, chosen, stops) => {
        const beginnings = stops.map((stop) => {
          const parts = partsOf(whole, chosen);
          return parts.slice(0, stop % (parts.length + 1));
        });
        expect(answered([...beginnings, partsOf(whole, chosen)])).toEqual(whole);
      }),
      alike,
    );
  });

  test('is the whole of the last one or an error, never a mixture', () => {
    fc.assert(
      fc.property(content, content, choices, fc.nat(), (first, second, chosen, stop) => {
        const parts = partsOf(first, chosen);
        const begun = parts.slice(0, stop % (parts.length + 1));
        const expected = goesOn(toldBy(begun), second) ? second : null;
        expect(answered([begun, partsOf(second, chosen)])).toEqual(expected);
      }),
      alike,
    );
  });

  const call = (args: string, id?: string, name?: string) =>
    ({ kind: 'toolCall', index: 0, ...(id === undefined ? {} : { id, name }), arguments: args }) as const;

  test('keeps the id of a call that the client has, and sends the rest of its arguments', () => {
    const answer = new ResumedAnswer();
    expect(answer.take(call('{"ci', 'call_1', 'weather'))).toMatchObject({ id: 'call_1', arguments: '{"ci' });
    answer.restart();
    expect(answer.take(call('{"city"', 'call_2', 'weather'))).toEqual({ kind: 'toolCall', index: 0, arguments: 'ty"' });
    expect(answer.take(call(':"Bern"}'))).toMatchObject({ arguments: ':"Bern"}' });
    answer.complete();
  });

  test('is refused where it calls another tool, or the same one otherwise', () => {
    for (const other of [call('{"city":"Bern"}', 'call_2', 'news'), call('{"town":"Bern"}', 'call_2', 'weather')]) {
      const answer = new ResumedAnswer();
      answer.take(call('{"city":', 'call_1', 'weather'));
      answer.restart();
      expect(() => answer.take(other)).toThrow(GenerationRestartedError);
    }
  });

  test('is refused where it ends before it has come as far as the client', () => {
    const answer = new ResumedAnswer();
    answer.take({ kind: 'text', text: 'It is raining' });
    answer.restart();
    answer.take({ kind: 'text', text: 'It is' });
    expect(() => answer.complete()).toThrow(GenerationRestartedError);
  });

  test.each(['{"city":', ''])(
    'is refused where it leaves out a call that the client has, of arguments "%s"',
    (args) => {
      const answer = new ResumedAnswer();
      answer.take(call(args, 'call_1', 'weather'));
      answer.restart();
      answer.take({ kind: 'text', text: 'It rains.' });
      expect(() => answer.complete()).toThrow(GenerationRestartedError);
    },
  );

  test('repeats a call without arguments, and nothing of it is sent again', () => {
    const answer = new ResumedAnswer();
    answer.take(call('', 'call_1', 'now'));
    answer.restart();
    expect(answer.take(call('', 'call_2', 'now'))).toBeNull();
    answer.complete();
    answer.restart();
    expect(() => answer.complete()).toThrow(GenerationRestartedError);
  });

  test('may reason otherwise: reasoning is no part of it', () => {
    const answer = new ResumedAnswer();
    answer.take({ kind: 'reasoning', text: 'Clouds.' });
    answer.restart();
    expect(answer.take({ kind: 'reasoning', text: 'Rain.' })).toEqual({ kind: 'reasoning', text: 'Rain.' });
    answer.complete();
  });
});
