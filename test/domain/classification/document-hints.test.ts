import { expect, test } from 'vitest';
import { BUILT_INS } from '../../../src/domain/classification/classification.ts';
import { hintsOf, tagsOf } from '../../../src/domain/classification/document-hints.ts';
import type { Taxonomy } from '../../../src/domain/classification/taxonomy.ts';
import type { JsonObject } from '../../../src/shared/json.ts';

const FEEDBACK = BUILT_INS.find(({ name }) => name === 'feedback') as Taxonomy;

test.each<[JsonObject]>([
  [{ product_area: 'Ledger' }],
  [{ productArea: 'Ledger' }],
  [{ 'Product Area': 'Ledger' }],
  [{ component: 'Ledger' }],
  [{ area: ' Ledger ' }],
  [{ components: [{ id: '7', name: 'Ledger' }, { name: 'Vault' }] }],
  [{ issue: { component: { name: 'Ledger' } } }],
])('the product area is what a source says of it: %j', (source) => {
  expect(hintsOf(FEEDBACK, { metadata: {}, source })).toEqual({ product_area: 'Ledger' });
});

test('metadata wins over the source, and an empty field says nothing', () => {
  expect(hintsOf(FEEDBACK, { metadata: { area: 'Vault' }, source: { area: 'Ledger' } }).product_area).toBe('Vault');
  expect(hintsOf(FEEDBACK, { metadata: { area: ' ' }, source: {} })).toEqual({});
});

test('a field that is named like a dimension speaks for it', () => {
  expect(hintsOf(FEEDBACK, { metadata: {}, source: { Type: 'Bug', urgency: 'critical' } })).toEqual({
    type: 'Bug',
    urgency: 'critical',
  });
});

test('tags are read from tags and labels, of source and metadata, in every usual form', () => {
  const source = { tags: ['door', { name: 'praise' }], labels: 'night, cold' };
  expect(tagsOf({ metadata: { labels: ['vip'] }, source })).toEqual(['vip', 'door', 'praise', 'night', 'cold']);
  expect(tagsOf({ metadata: {}, source: { post: { tags: { nodes: [{ name: 'bug' }] } } } })).toEqual(['bug']);
  expect(tagsOf({ metadata: {}, source: {} })).toEqual([]);
});
