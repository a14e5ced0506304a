import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
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

  test('is refused where it leaves out a call that the client has', () => {
    const answer = new ResumedAnswer();
    answer.take(call('{"city":', 'call_1', 'weather'));
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
