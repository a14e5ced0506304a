import { expect, test } from 'vitest';
import { companyNames, isLinked, linkOf, mentions } from '../../../../src/domain/agents/evidence/company-names.ts';
import { CompanyIndex } from '../../../../src/domain/agents/evidence/company-news.ts';

const named = (title: string, externalId: string | null = null) =>
  companyNames({ id: `doc_${title}`, externalId, title, text: '' });

test.each([
  ['Frostvale Cold Storage', ['Frostvale Cold Storage', 'Frostvale']],
  ['Osprey Quay Warehousing Ltd.', ['Osprey Quay Warehousing Ltd.', 'Osprey Quay Warehousing', 'Osprey Quay']],
  ['Best Foods', ['Best Foods']],
  ['Logistics', ['Logistics']],
])('%s is called %j: without its form and its trade, where that leaves a name', (title, spellings) => {
  expect(named(title).spellings).toEqual(spellings);
});

test('a text names a company by whole words with their capitals', () => {
  const frostvale = named('Frostvale Cold Storage');
  expect(mentions('We met Frostvale’s planner.', frostvale)).toBe(true);
  expect(mentions('A Frostvaler came.', frostvale)).toBe(false);
  expect(mentions('the frostvale of winter', frostvale)).toBe(false);
});

test('metadata names a company by its external id with or without what it is of, its slug or its id', () => {
  const frostvale = named('Frostvale Cold Storage', 'company-frostvale');
  for (const company of ['frostvale', 'company-frostvale', 'Frostvale-Cold-Storage', frostvale.id]) {
    expect(isLinked({ about: { company } }, frostvale)).toBe(true);
  }
  expect(isLinked({ company: 'frost' }, frostvale)).toBe(false);
});

test('how metadata names a company is told in the shape that finds others which name it so', () => {
  const frostvale = named('Frostvale Cold Storage', 'company-frostvale');
  expect(linkOf({ tag: 'x', account: { ref: 'Company-Frostvale', size: 3 } }, frostvale)).toEqual({
    account: { ref: 'Company-Frostvale' },
  });
  expect(linkOf({ customers: ['other', 'frostvale'] }, frostvale)).toEqual({ customers: ['frostvale'] });
  expect(linkOf({ company: 'frost', note: null }, frostvale)).toBeNull();
});

test('an index finds the companies of a text, and none by what two of them share', () => {
  const index = new CompanyIndex([
    named('Frostvale Cold Storage'),
    named('Osprey Quay Warehousing'),
    named('Osprey Quay Ports'),
  ]);
  const of = (text: string) => [...index.companiesOf({ title: null, text, metadata: {} })];
  expect(of('Frostvale and Osprey Quay Ports met.')).toEqual(['doc_Frostvale Cold Storage', 'doc_Osprey Quay Ports']);
  expect(of('Osprey Quay was closed. Frostvales were not.')).toEqual([]);
});
