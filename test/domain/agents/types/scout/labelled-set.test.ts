import { describe, expect, test } from 'vitest';
import { readSignals } from '../../../../../src/domain/agents/types/scout/read-signals.ts';
import { SIGNAL_TYPES } from '../../../../../src/domain/insights/signal.ts';
import type { JsonObject } from '../../../../../src/shared/json.ts';
import { LABELLED_TEXTS, type LabelledText } from './labelled-set.ts';
import { COMPANY_DOCUMENTS, documentOf, readingOf } from './scout-fixtures.ts';

interface Tally {
  right: number;
  wrong: number;
  missed: number;
}

const READING = readingOf();

/** What the rules find in a text, as `type@company`. */
function foundIn({ text, company }: LabelledText, place: number): Set<string> {
  const metadata: JsonObject = company === null ? {} : { company };
  const { candidates } = readSignals(documentOf({ id: `text-${place}`, text, metadata }), READING);
  return new Set(candidates.map(({ type, companyId }) => `${type}@${companyId}`));
}

function tallyOf(texts: readonly LabelledText[], type?: string): Tally {
  const tally = { right: 0, wrong: 0, missed: 0 };
  const isCounted = (signal: string) => type === undefined || signal.startsWith(`${type}@`);
  for (const [place, text] of texts.entries()) {
    const wanted = new Set(text.signals.map((signal) => `${signal.type}@${signal.company}`).filter(isCounted));
    const found = [...foundIn(text, place)].filter(isCounted);
    for (const signal of found) tally[wanted.has(signal) ? 'right' : 'wrong'] += 1;
    tally.missed += [...wanted].filter((signal) => !found.includes(signal)).length;
  }
  return tally;
}

const precision = ({ right, wrong }: Tally) => right / (right + wrong);
const recall = ({ right, missed }: Tally) => right / (right + missed);

describe('the labelled set', () => {
  test('has at least 800 texts, a third of them traps, and every kind in each part', () => {
    expect(LABELLED_TEXTS.length).toBeGreaterThanOrEqual(800);
    const traps = LABELLED_TEXTS.filter(({ signals }) => signals.length === 0);
    expect(traps.length).toBeGreaterThanOrEqual(LABELLED_TEXTS.length / 3);
    for (const half of ['development', 'held-out', 'fresh']) {
      const types = LABELLED_TEXTS.filter((text) => text.half === half).flatMap(({ signals }) =>
        signals.map(({ type }) => type),
      );
      expect(new Set(types)).toEqual(new Set(SIGNAL_TYPES));
    }
  });
});

describe('the rules', () => {
  test.each(['development', 'held-out', 'fresh'])(
    'find and attribute signals in the %s part with precision and recall over 0.8',
    (half) => {
      const tally = tallyOf(LABELLED_TEXTS.filter((text) => text.half === half));
      expect(precision(tally)).toBeGreaterThan(0.8);
      expect(recall(tally)).toBeGreaterThan(0.8);
    },
  );

  test.each(SIGNAL_TYPES)('find %s with precision and recall of at least 0.7', (type) => {
    const tally = tallyOf(LABELLED_TEXTS, type);
    expect(precision(tally)).toBeGreaterThanOrEqual(0.7);
    expect(recall(tally)).toBeGreaterThanOrEqual(0.7);
  });

  test('find competitors whose names nobody has given them', () => {
    const unknown = readingOf(
      COMPANY_DOCUMENTS.filter(({ metadata }) => metadata.stage !== 'competitor'),
      { competitors: [] },
    );
    const told = LABELLED_TEXTS.filter(({ half, signals }) => half === 'fresh' && signals.length <= 1);
    const tally = { right: 0, wrong: 0, missed: 0 };
    for (const [place, { text, company, signals }] of told.entries()) {
      const document = documentOf({ id: `text-${place}`, text, metadata: company === null ? {} : { company } });
      const found = readSignals(document, unknown).candidates.some(({ type }) => type === 'COMPETITOR_MENTION');
      const isOne = signals.some(({ type }) => type === 'COMPETITOR_MENTION');
      if (found) tally[isOne ? 'right' : 'wrong'] += 1;
      else if (isOne) tally.missed += 1;
    }
    expect(precision(tally)).toBeGreaterThan(0.8);
    expect(recall(tally)).toBeGreaterThan(0.8);
  });

  test('give nothing that is less sure than was asked for', () => {
    let sure = 0;
    for (const [place, { text, company }] of LABELLED_TEXTS.entries()) {
      const metadata: JsonObject = company === null ? {} : { company };
      const document = documentOf({ id: `text-${place}`, text, metadata });
      for (const { confidence } of readSignals(document, { ...READING, minConfidence: 60 }).candidates) {
        expect(confidence).toBeGreaterThanOrEqual(60);
        sure += 1;
      }
    }
    expect(sure).toBeGreaterThan(50);
  });
});
