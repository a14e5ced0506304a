import { describe, expect, test } from 'vitest';
import { BUILT_IN_TAXONOMIES } from '../../../src/domain/classification/built-in-taxonomies.ts';
import { borrowBank } from '../../../src/domain/classification/prototype-families.ts';
import { classifiableText, findCues } from '../../../src/domain/classification/text-cues.ts';

describe('the text that is read', () => {
  test("begins with the title and leaves out code, markup, links and a form's comments", () => {
    const body =
      '<!-- do not delete -->\n## Steps\n```\nTypeError\n```\nIt **fails** on save, see https://example.com/x\n_No response_';
    expect(classifiableText('Save is broken', body)).toBe('Save is broken.\nSteps\nIt fails on save, see');
  });

  test('says a title once that the text begins with already', () => {
    expect(classifiableText('Save is broken', 'Save is broken\n\nIt fails.')).toBe('Save is broken\nIt fails.');
  });

  test('is the code itself where there is nothing else', () => {
    expect(classifiableText(null, '```\nTypeError: x\n```')).toContain('TypeError');
  });

  // Where it is not, the test runs out of time.
  test('of a hostile document is prepared in bounded time', () => {
    for (const piece of ['<!--', '```', '<a ', '_', '\n', '- ']) {
      classifiableText('t', piece.repeat(1_000_000));
      findCues(piece.repeat(1_000_000));
    }
  });
});

test.each([
  ['The whole platform is down', 'urgency/critical'],
  ['Data loss after the update', 'urgency/critical'],
  ['I cannot work like this', 'urgency/urgent'],
  ['Please answer asap', 'urgency/urgent'],
  ['No hurry with this one', 'urgency/normal'],
  ['How can I change my plan', 'feedback/question'],
  ['Would you please add a calendar', 'feedback/feature_request'],
  ['Steps to reproduce: press save', 'feedback/bug'],
  ['Hide the archived folders', 'feedback/feature_request'],
  ['Warn parents before the bus is late', 'feedback/feature_request'],
  ['Billing is fine. Let us split an invoice', 'feedback/feature_request'],
  ['Not a single dropped call this quarter', 'feedback/praise'],
  ['The new rota is spot on', 'feedback/praise'],
  ['Error 503 on every page', 'urgency/critical'],
  ['The entire website is down', 'urgency/critical'],
  ['The booking server is unreachable for everyone', 'urgency/critical'],
  ['I need an answer NOW', 'urgency/urgent'],
  ['Forty passengers are waiting at the gate', 'urgency/urgent'],
  ['We need the certificate by Friday', 'urgency/urgent'],
])('"%s" is evidence for %s', (text, key) => {
  expect(findCues(text).map((cue) => cue.key)).toContain(key);
});

test.each([
  ['The log grows over the weekend and fills the disk by Monday', 'urgency/urgent'],
  ['You told us early, thank you\nTags: outage, urgent', 'urgency/critical'],
  ['You told us early, thank you\nTags: outage, urgent', 'urgency/urgent'],
  ['A warning would have saved me a trip', 'feedback/praise'],
  ['Well done so far, but the new menu hides my files', 'feedback/praise'],
  ['No reply for two weeks', 'feedback/praise'],
  ['It stops without an error message', 'feedback/praise'],
  ['Show me how to print a receipt', 'feedback/feature_request'],
  ['Let me know when you are back', 'feedback/feature_request'],
])('"%s" is no evidence for %s', (text, key) => {
  expect(findCues(text).map((cue) => cue.key)).not.toContain(key);
});

test('"not urgent" is no evidence of urgency', () => {
  expect(findCues('This is not urgent').map((cue) => cue.key)).not.toContain('urgency/urgent');
});

describe('prototype banks', () => {
  test.each([
    ['bugReport', 'type', 'feedback/bug'],
    ['Feature', 'kind', 'feedback/feature_request'],
    ['normal', 'priority', 'support priority/normal'],
    ['normal', 'urgency', 'urgency/normal'],
    ['pricing', 'topic', 'intent/ask_pricing'],
  ])('the label "%s" of "%s" borrows %s', (label, dimension, key) => {
    expect(borrowBank(label, dimension)?.key).toBe(key);
  });

  test.each(['Llamas', 'constructor', '', '__proto__'])('the label "%s" borrows none', (label) => {
    expect(borrowBank(label, 'topic')).toBeUndefined();
  });

  test('every label that ships has a description and at least twelve examples, none of them twice in its dimension', () => {
    for (const { labels } of BUILT_IN_TAXONOMIES.flatMap(({ dimensions }) => dimensions)) {
      for (const { description, examples } of labels) {
        expect(description).not.toBe('');
        expect(examples.length).toBeGreaterThanOrEqual(12);
      }
      const all = labels.flatMap(({ examples }) => examples);
      expect(new Set(all).size).toBe(all.length);
    }
  });
});
