import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  chatMessages,
  fittingTurns,
  inputTokensOf,
  type Turn,
  tokenMeasure,
} from '../../../../src/domain/conversations/answering/history-window.ts';

/** A tokenizer for which a word is a token. */
const countWords = async (texts: readonly string[]) => texts.join(' ').split(' ').filter(Boolean).length;
const turn = (position: number, text: string, role: Turn['role'] = position % 2 === 1 ? 'USER' : 'ASSISTANT') => ({
  ...{ position, text, role },
});

describe('a window', () => {
  test('is what the model reads less what its answer may take', () => {
    expect(inputTokensOf(100_000, 4_000)).toBe(96_000);
    expect(inputTokensOf(100_000, undefined)).toBe(97_952);
    expect(inputTokensOf(4_096, undefined)).toBe(3_072);
    expect(inputTokensOf(undefined, undefined)).toBe(6_144);
    expect(inputTokensOf(1_000, 5_000)).toBe(0);
  });

  test('has the last messages that fit, whole and without a gap', async () => {
    const said = fc.array(fc.array(fc.constantFrom('ship', 'harbour', 'é'), { minLength: 1, maxLength: 40 }), {
      maxLength: 20,
    });
    await fc.assert(
      fc.asyncProperty(said, fc.integer({ min: 0, max: 400 }), async (words, windowTokens) => {
        const turns = words.map((own, i) => turn(i + 1, own.join(' ')));
        const texts = turns.map(({ text }) => text);
        const measure = tokenMeasure(texts, windowTokens, countWords);
        const fitting = await fittingTurns(turns, windowTokens, measure);
        expect(fitting).toEqual(turns.slice(turns.length - fitting.length));
        const costs = await Promise.all(texts.map((text) => measure(text)));
        const taken = costs.slice(turns.length - fitting.length).reduce((sum, cost) => sum + cost, 0);
        expect(taken).toBeLessThanOrEqual(windowTokens);
        const next = costs[turns.length - fitting.length - 1];
        if (next !== undefined) expect(taken + next).toBeGreaterThan(windowTokens);
      }),
    );
  });

  test('that is larger than all bytes of a conversation has nothing counted', async () => {
    const measure = tokenMeasure(['short', 'and sweet'], 1_000, () => {
      throw new Error('nothing is to be counted');
    });
    expect(await measure('short')).toBeGreaterThan(0);
  });
});

describe('messages as a model takes them', () => {
  test('begin with the user, alternate, and name no passages of earlier answers', () => {
    const turns = [
      turn(0, 'Welcome!', 'ASSISTANT'),
      turn(1, 'When do ships leave?'),
      turn(2, 'At nine [1], as said [2].'),
      turn(3, 'And boats?', 'USER'),
      turn(4, ' ', 'ASSISTANT'),
      turn(5, 'Hello? [1]', 'USER'),
      turn(6, 'noted', 'TOOL'),
    ];
    expect(chatMessages(turns)).toEqual([
      { role: 'user', parts: [{ kind: 'text', text: 'When do ships leave?' }] },
      { role: 'assistant', text: 'At nine, as said.' },
      { role: 'user', parts: [{ kind: 'text', text: 'And boats?\n\nHello? [1]' }] },
    ]);
  });
});
