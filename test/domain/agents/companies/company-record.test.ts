import { expect, test } from 'vitest';
import { companyRecord, contains, wonMetadata } from '../../../../src/domain/agents/companies/company-record.ts';
import { likeness, mostAlike } from '../../../../src/domain/agents/companies/likeness.ts';
import type { Document } from '../../../../src/domain/documents/document.ts';
import type { JsonObject } from '../../../../src/shared/json.ts';

function company(metadata: JsonObject, source: JsonObject = {}): Document {
  return {
    id: `doc_${JSON.stringify(source)}`,
    externalId: null,
    title: String(source.name ?? 'Acme'),
    text: '',
    kind: 'COMPANY',
    metadata,
    source,
  } as unknown as Document;
}

test.each([
  [{ stage: 'customer' }, 'WON'],
  [{ stage: 'Closed-Won' }, 'WON'],
  [{ lifecycle_stage: 'active customer' }, 'WON'],
  [{ status: 'closed lost' }, 'GONE'],
  [{ stage: 'churned' }, 'GONE'],
  [{ 'Account Status': 'Former Customer' }, 'GONE'],
  [{ stage: 'partner' }, 'OTHER'],
  [{ stage: 'prospect' }, 'OPEN'],
  [{ stage: 'not a customer' }, 'OPEN'],
  [{}, 'OPEN'],
])('a company with the metadata %j is %s', (metadata, outcome) => {
  expect(companyRecord(company(metadata), null).outcome).toBe(outcome);
});

test('a source may say the stage as well, and a rule of the configuration goes before both', () => {
  expect(companyRecord(company({}, { properties: { lifecyclestage: 'customer' } }), null).outcome).toBe('WON');
  expect(companyRecord(company({ tier: 'gold', stage: 'lost' }), { tier: 'gold' }).outcome).toBe('WON');
});

test('the metadata by which a company is known to buy is found', () => {
  expect(wonMetadata({ region: 'UK', stage: 'customer' })).toEqual({ stage: 'customer' });
  expect(wonMetadata({ region: 'UK', stage: 'prospect' })).toBeNull();
});

test.each([
  [{ size: { min: 1 } }, { size: { min: 1 } }, true],
  [{ tags: ['a', 'b'] }, { tags: ['b'] }, true],
  [{ tags: ['a'] }, { tags: ['c'] }, false],
  [{ stage: 'customer' }, { stage: 'customer', region: 'UK' }, false],
])('that %j contains %j is %s, as the database says', (whole, part, is) => {
  expect(contains(whole as JsonObject, part as JsonObject)).toBe(is);
});

test.each([
  [640, 640],
  ['1,200', 1200],
  ['501-1,500', 1001],
  [{ min: 100, max: 300 }, 200],
  ['many', null],
])('a size given as %j is read as %s', (employees, read) => {
  expect(companyRecord(company({}, { employees }), null).employees).toBe(read);
});

test('companies are alike by what both have, and it is told what they share', () => {
  const cold = { industry: 'Frozen storage', categories: ['cold chain', '3PL'], employees: 300 };
  const norrmark = companyRecord(company({ region: 'Nordics' }, { name: 'Norrmark', ...cold }), null);
  const frostvale = companyRecord(company({ region: 'UK' }, { name: 'Frostvale', ...cold, employees: 600 }), null);
  const bank = companyRecord(
    company({ region: 'UK' }, { name: 'Bank', industry: 'Banking', categories: ['money'], employees: 90_000 }),
    null,
  );
  expect(mostAlike(norrmark, [bank, frostvale])?.other.name).toBe('Frostvale');
  const { shared } = likeness(norrmark, frostvale);
  expect(shared).toEqual([
    'both are filed under “cold chain” and “3PL”',
    'both are in frozen storage',
    'they are of similar size (300 and 600 people)',
  ]);
  expect(likeness(norrmark, bank)).toMatchObject({ value: 0, shared: [] });
});

test('companies of which no field is known to both are not compared', () => {
  const bare = companyRecord(company({}), null);
  expect(likeness(bare, companyRecord(company({}, { industry: 'Banking' }), null)).value).toBeNull();
});
