import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lexicalVector } from '../../../src/providers/local/lexical-vector.ts';

function cosine(left: Float32Array, right: Float32Array): number {
  return left.reduce((sum, value, index) => sum + value * (right[index] ?? 0), 0);
}

describe('the lexical half of a vector', () => {
  it('has length 1 for any text with a word in it, and is all zeros for one without', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const vector = lexicalVector(`zebra ${text}`);
        expect(cosine(vector, vector)).toBeCloseTo(1, 4);
      }),
    );
    expect(lexicalVector('').every((value) => value === 0)).toBe(true);
    expect(lexicalVector('?! -- the of').every((value) => value === 0)).toBe(true);
  });

  it('brings two forms of one word close and leaves unrelated words apart', () => {
    expect(cosine(lexicalVector('exporting invoices'), lexicalVector('the invoice was exported'))).toBeGreaterThan(0.8);
    const unrelated = ['purple giraffe', 'login timeout', 'weather forecast', 'sorting columns', 'great music'];
    const cosines = unrelated.map((text) => Math.abs(cosine(lexicalVector('exporting invoices'), lexicalVector(text))));
    expect(cosines.reduce((sum, value) => sum + value, 0) / cosines.length).toBeLessThan(0.2);
  });

  it('finds a misspelt name and an error code again', () => {
    expect(cosine(lexicalVector('kubernetes'), lexicalVector('kubernetis'))).toBeGreaterThan(0.1);
    expect(cosine(lexicalVector('ERR4032'), lexicalVector('we saw err4032 today'))).toBeGreaterThan(0.5);
  });

  it('does not depend on upper case, on the order of words or on a half-width form', () => {
    const plain = lexicalVector('login button broken');
    expect(cosine(plain, lexicalVector('Broken LOGIN button'))).toBeCloseTo(1, 5);
    expect(cosine(plain, lexicalVector('ｌｏｇｉｎ button broken'))).toBeCloseTo(1, 5);
  });
});
