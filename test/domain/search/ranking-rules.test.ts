import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type FusionCandidate, fuseByReciprocalRank, fuseByWeight } from '../../../src/domain/search/fusion.ts';
import { highlight } from '../../../src/domain/search/highlight.ts';
import { chooseTerms, MAX_LEXEMES_SCORED, quoteLexeme } from '../../../src/domain/search/query-terms.ts';
import { encodeCursor, MAX_SEARCH_DEPTH, pageWindow } from '../../../src/domain/search/search.ts';
import {
  chooseVectorScan,
  exactRowLimit,
  recallOfScan,
  strategyOf,
} from '../../../src/domain/search/search-planner.ts';
import { FLAT_MODEL } from './search-workspace.ts';

function candidate(documentId: string, similarity: number | null, lexicalScore: number | null, isNearest = true) {
  return { documentId, similarity, lexicalScore, isNearest, isNamed: false } satisfies FusionCandidate;
}

const order = (fused: readonly { documentId: string }[]) => fused.map((document) => document.documentId).join('');

test("the model's weight decides between meaning and words", () => {
  const candidates = [candidate('a', 0.9, 1), candidate('b', 0.5, 3), candidate('c', 0.4, null)];
  expect(order(fuseByWeight(candidates, 0.9))).toBe('abc');
  expect(order(fuseByWeight(candidates, 0.1))).toBe('bac');
  expect(fuseByWeight(candidates, 0.5).map((document) => document.score)).toEqual(
    [0.6, 0.5, 0].map((s) => expect.closeTo(s, 5)),
  );
});

test('a document that the query names comes first, and the others keep their order', () => {
  const others = [candidate('a', 0.9, 1), candidate('b', 0.5, 3), candidate('c', 0.4, 2)];
  const named = { ...candidate('n', 0.1, 90, false), isNamed: true };
  for (const fuse of [fuseByReciprocalRank, (all: FusionCandidate[]) => fuseByWeight(all, 0.9)]) {
    const fused = fuse([...others, named]);
    expect(fused[0]).toMatchObject({ documentId: 'n', score: 1 });
    expect(order(fused.slice(1))).toBe(order(fuse(others)));
  }
});

test('a document that only its words brought is scored by its real similarity too, and not below zero', () => {
  const fused = fuseByWeight(
    [candidate('a', 0.8, null), candidate('b', 0.4, null), candidate('c', 0.1, 2, false)],
    0.3,
  );
  expect(fused.find((document) => document.documentId === 'c')?.score).toBeCloseTo(0.7);
});

test('reciprocal rank counts places alone, and equal scores are ordered by id', () => {
  const fused = fuseByReciprocalRank([candidate('z', 0.9, 1), candidate('b', 0.5, 900), candidate('a', 0.1, null)]);
  expect(fused.map((document) => document.score)).toEqual(
    [(1 + 61 / 62) / 2, (1 + 61 / 62) / 2, 61 / 63 / 2].map((score) => expect.closeTo(score, 8)),
  );
  expect(order(fused)).toBe('bza');
  expect(fuseByWeight([], 0.3)).toEqual([]);
});

test('an index is used only where a filter leaves more than an exact scan reads in the same time', () => {
  expect(chooseVectorScan(20, null, 10_000_000)).toBe('EXACT');
  expect(chooseVectorScan(20, 60_000, 500)).toBe('EXACT');
  expect(chooseVectorScan(20, 60_000, 50_000)).toBe('HNSW');
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2_000 }), fc.integer({ min: 0, max: 1e9 }), (rows, indexed) => {
      const limit = exactRowLimit(rows, indexed);
      expect(chooseVectorScan(rows, indexed, limit)).toBe('EXACT');
      expect(chooseVectorScan(rows, indexed, limit + 1)).toBe('HNSW');
      expect(exactRowLimit(rows, indexed * 2)).toBeGreaterThanOrEqual(limit);
    }),
  );
});

test('a plan names what was done, and an index scan that gave up says how much it found', () => {
  expect([
    strategyOf(null, true),
    strategyOf('HNSW', false),
    strategyOf('HNSW', true),
    strategyOf('EXACT', true),
  ]).toEqual(['KEYWORD', 'HNSW', 'HYBRID_HNSW', 'HYBRID_EXACT']);
  expect(recallOfScan('EXACT', 3, 40)).toBe(1);
  expect(recallOfScan('HNSW', 40, 40)).toBeNull();
  expect(recallOfScan('HNSW', 10, 40)).toBe(0.25);
});

test('rare words weigh more than common ones, and common ones bring no candidates once there are enough', () => {
  const terms = chooseTerms(
    [
      { lexeme: 'the-common', frequency: 40_000 },
      { lexeme: 'rare', frequency: 600 },
      { lexeme: 'absent', frequency: 0 },
    ],
    50_000,
  );
  expect(terms).toMatchObject({ lexemes: ['rare', 'the-common'], candidates: "'rare'", coversAllLexemes: false });
  expect(terms?.weights[0]).toBeGreaterThan((terms?.weights[1] ?? 0) * 5);
  expect(chooseTerms([{ lexeme: 'all', frequency: 50_000 }], 50_000)?.candidates).toBe("'all'");
  expect(chooseTerms([{ lexeme: 'absent', frequency: 0 }], 50_000)).toBeNull();
  const many = Array.from({ length: 500 }, (_, i) => ({ lexeme: `w${i}`, frequency: i + 1 }));
  expect(chooseTerms(many, 50_000)?.lexemes).toHaveLength(MAX_LEXEMES_SCORED);
  expect(quoteLexeme("o'b\\c")).toBe("'o''b\\\\c'");
});

test('the last page ends at the depth that a search shows, and there is none behind it', () => {
  const request = {
    workspaceId: 'w',
    query: 'q',
    queryVector: null,
    model: FLAT_MODEL,
    mode: 'KEYWORD' as const,
    first: 100,
  };
  const { fingerprint } = pageWindow(request);
  const at = (rank: number) => pageWindow({ ...request, after: encodeCursor(rank, fingerprint) });
  expect(at(MAX_SEARCH_DEPTH - 30)).toMatchObject({ offset: MAX_SEARCH_DEPTH - 30, first: 30 });
  expect(() => at(MAX_SEARCH_DEPTH)).toThrow('1000 hits');
});

test('a highlight marks the words of the query in any form, in the sentence that has most of them', () => {
  const text = 'All was well. The tool crashed while we were exporting invoices! Then it rained.';
  expect(highlight(text, 'export of an invoice crashing', null)).toBe(
    '…The tool <mark>crashed</mark> while we were <mark>exporting</mark> <mark>invoices</mark>! Then it rained.',
  );
});

test('a highlight looks in the nearest passage first, and shows it where no word matches', () => {
  const text = 'Invoices one. Sky and sea. Invoices two.';
  const second = { start: 27, end: 40 };
  expect(highlight(text, 'invoice', second)).toBe('…<mark>Invoices</mark> two.');
  expect(highlight(text, 'parrot', { start: 14, end: 26 })).toBe('…Sky and sea. Invoices two.');
  expect(highlight(text, 'invoice', { start: 14, end: 26 })).toMatch(/^<mark>Invoices<\/mark> one\./);
  expect(highlight(' \n ', 'invoice', null)).toBeNull();
});

test('a highlight is short, safe HTML of the text itself, whatever the text', () => {
  expect(highlight('<script>alert("x")</script> & login', 'login', null)).toBe(
    '&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; <mark>login</mark>',
  );
  const word = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom('login', 'Logins', '<b>', '&amp;', '. ', '🦜', 'x'.repeat(400)),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 120 }), (words) => {
      const text = words.join(' ');
      const shown = highlight(text, 'login 🦜', null);
      if (shown === null) {
        expect(text.trim()).toBe('');
        return;
      }
      const plain = shown
        .replaceAll(/<\/?mark>/g, '')
        .replaceAll(
          /&(lt|gt|quot|amp|#39);/g,
          (_, name: string) => ({ lt: '<', gt: '>', quot: '"', amp: '&' })[name] ?? "'",
        );
      const passage = plain.replace(/^…/, '').replace(/…$/, '');
      expect(text.includes(passage) || text.includes(plain)).toBe(true);
      expect(passage.length).toBeLessThanOrEqual(241);
      expect(passage.isWellFormed() || !text.isWellFormed()).toBe(true);
    }),
  );
});
