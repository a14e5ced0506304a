import { describe, expect, test } from 'vitest';
import { TurnMemory } from '../../src/providers/turn-memory.ts';

const MEGABYTE = 1024 * 1024;

describe('a memory of turns', () => {
  test('knows a turn by the model and the call, the last that was told', () => {
    const memory = new TurnMemory<string>();
    memory.remember('a', 'call_1', 'first');
    memory.remember('a', 'call_1', 'second');
    expect(memory.recall('a', 'call_1')).toBe('second');
    expect(memory.recall('b', 'call_1')).toBeUndefined();
    memory.clear();
    expect(memory.recall('a', 'call_1')).toBeUndefined();
  });

  test('holds 8 MB: the oldest go first, and what is larger than that never comes in', () => {
    const memory = new TurnMemory<string>();
    for (let turn = 0; turn < 10; turn += 1) memory.remember('a', `call_${turn}`, 'x'.repeat(MEGABYTE));
    const known = Array.from({ length: 10 }, (_, turn) => memory.recall('a', `call_${turn}`) !== undefined);
    expect(known).toEqual([false, false, false, true, true, true, true, true, true, true]);
    memory.remember('a', 'call_large', 'x'.repeat(9 * MEGABYTE));
    expect(memory.recall('a', 'call_large')).toBeUndefined();
    expect(memory.recall('a', 'call_9')).toBeDefined();
  });
});
