import { TypeID } from 'typeid-js';
import { describe, expect, it } from 'vitest';
import { ID_PREFIXES, type IdKind, idBoundary, kindOfId, newId } from '../../src/shared/ids.ts';

const KINDS = Object.keys(ID_PREFIXES) as IdKind[];

/** The first of version 7 that can be made at a moment. */
function uuidAt(atMs: number): string {
  const time = atMs.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`;
}

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

  it('sorts by the moment it was made, before the boundary of any later one', () => {
    const id = newId('Job');
    const madeAt = Number.parseInt(TypeID.fromString(id, 'job').toUUID().replace('-', '').slice(0, 12), 16);

    expect(id > idBoundary('Job', madeAt)).toBe(true);
    expect(id < idBoundary('Job', madeAt + 1)).toBe(true);
    expect([0, 2 ** 20, 2 ** 40, 2 ** 45].map((atMs) => idBoundary('Job', atMs))).toEqual(
      [0, 2 ** 20, 2 ** 40, 2 ** 45].map((atMs) => TypeID.fromUUID('job', uuidAt(atMs)).toString().slice(0, 14)),
    );
  });

  it('has an end that cannot be told from the one before', () => {
    const ends = Array.from({ length: 2_000 }, () => newId('Attempt').slice(-8));

    expect(new Set(ends).size).toBe(ends.length);
  });
});
