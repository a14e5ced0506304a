import { TypeID } from 'typeid-js';
import { describe, expect, it } from 'vitest';
import { ID_PREFIXES, type IdKind, kindOfId, newId } from '../../src/shared/ids.ts';

const KINDS = Object.keys(ID_PREFIXES) as IdKind[];

describe('an id', () => {
  it.each(KINDS)('is a TypeID with a UUID of version 7 that was made now (%s)', (kind) => {
    const before = Date.now();
    const id = newId(kind);
    const uuid = TypeID.fromString(id, ID_PREFIXES[kind]).toUUID();
    const madeAt = Number.parseInt(uuid.replace('-', '').slice(0, 12), 16);

    expect(uuid).toMatch(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    // Ids that are made faster than the clock goes may be a little ahead of it.
    expect(madeAt).toBeGreaterThanOrEqual(before);
    expect(madeAt).toBeLessThanOrEqual(Date.now() + 1);
    expect(kindOfId(id)).toBe(kind);
  });

  it('comes after every one that was made before, also in the same millisecond', () => {
    const made = Array.from({ length: 20_000 }, () => newId('Request'));

    expect([...made].sort()).toEqual(made);
    expect(new Set(made).size).toBe(made.length);
  });

  it('has an end that cannot be told from the one before', () => {
    const ends = Array.from({ length: 2_000 }, () => newId('Attempt').slice(-8));

    expect(new Set(ends).size).toBe(ends.length);
  });
});
