import { expect, test } from 'vitest';
import {
  CompanyDirectory,
  directoryEntry,
} from '../../../../../src/domain/agents/types/relationship/company-directory.ts';
import { type Graph, graphOf, type Relationship } from '../../../../../src/domain/agents/types/relationship/graph.ts';
import { goneCold, warmest } from '../../../../../src/domain/agents/types/relationship/ranking.ts';
import { touchOf } from '../../../../../src/domain/agents/types/relationship/touches.ts';
import { toldOf } from '../../../../../src/domain/agents/types/relationship/wording.ts';
import type { Document, DocumentKind } from '../../../../../src/domain/documents/document.ts';
import type { JsonObject } from '../../../../../src/shared/json.ts';

const NOW = new Date('2026-11-20T12:00:00Z');
let made = 0;

function document(
  kind: DocumentKind,
  at: string,
  source: JsonObject,
  metadata: JsonObject = {},
  externalId: string | null = null,
): Document {
  const id = `doc_${String(made++).padStart(3, '0')}`;
  const title = String(source.name ?? source.title ?? '') || null;
  return {
    ...{ id, kind, source, metadata, externalId, title },
    text: String(source.text ?? ''),
    createdAt: new Date(at),
  } as unknown as Document;
}

const norrmark = document(
  'COMPANY',
  '2026-01-01',
  {
    name: 'Norrmark Frys',
    website: 'https://www.norrmark.example',
    contacts: [{ name: 'Greta Norrmarken', title: 'Head of operations', email: 'greta@norrmark.example' }],
  },
  { stage: 'prospect', owner: 'Ines Tolvaneer' },
  'company-norrmark',
);
const frostvale = document(
  'COMPANY',
  '2026-01-01',
  { name: 'Frostvale Cold Storage', website: 'frostvale.example' },
  { stage: 'customer' },
  'company-frostvale',
);
const lost = document(
  'COMPANY',
  '2026-01-01',
  { name: 'Sandhaven Furniture' },
  { stage: 'churned' },
  'company-sandhaven',
);
const directory = new CompanyDirectory([norrmark, frostvale, lost].map((each) => directoryEntry(each, null)));

const message = (at: string, author: string, thread: string, company?: string) =>
  document(
    'MESSAGE',
    at,
    { author, text: `${author} writes.`, threadId: thread },
    { threadId: thread, ...(company === undefined ? {} : { company }) },
  );
const note = (at: string, attendees: string[], company: string) =>
  document(
    'TEXT',
    at,
    { title: 'A call', author: 'Ines Tolvaneer (Harbourline sales)', attendees, text: 'We spoke.' },
    { company },
  );

function graph(documents: readonly Document[], askedFor?: string): Graph {
  const touches = documents.map((each) => touchOf(each, directory));
  return graphOf(touches, directory, { told: ['Harbourline'], now: NOW, askedFor: askedFor ?? null });
}

function relationshipOf(found: Graph, { id }: Document): Relationship {
  const relationship = found.relationships.get(id);
  if (relationship === undefined) throw new Error('there is no relationship');
  return relationship;
}

test('a thread ties everyone of us in it with everyone of them, both ways once both have written', () => {
  const found = graph([
    message('2026-11-01', 'Greta Norrmarken (Norrmark Frys)', 't1', 'norrmark'),
    message('2026-11-02', 'Ines Tolvaneer (Harbourline sales)', 't1'),
    message('2026-11-03', 'Greta Norrmarken (Norrmark Frys)', 't1', 'norrmark'),
  ]);
  const { ties, last } = relationshipOf(found, norrmark);
  expect(ties).toMatchObject([{ ours: 'Ines Tolvaneer', theirs: 'Greta Norrmarken', inbound: 2, outbound: 1 }]);
  expect(last).toMatchObject({ by: 'Greta Norrmarken', direction: 'inbound', isUnanswered: true });
});

test('an answer in the thread ends the waiting, though its metadata names no company', () => {
  const found = graph([
    message('2026-11-01', 'Greta Norrmarken (Norrmark Frys)', 't1', 'norrmark'),
    message('2026-11-02', 'Ines Tolvaneer (Harbourline sales)', 't1'),
  ]);
  expect(relationshipOf(found, norrmark).last).toMatchObject({ direction: 'outbound', isUnanswered: false });
});

test('one who writes and is never answered is tied with nobody of us', () => {
  const found = graph([message('2026-11-01', 'Petra Halloway (Frostvale Cold Storage)', 't2', 'frostvale')]);
  expect(relationshipOf(found, frostvale).ties).toMatchObject([{ ours: null, theirs: 'Petra Halloway', inbound: 1 }]);
});

test('a note with who was there is a meeting; the order in which documents are read makes no difference', () => {
  const documents = [
    note('2026-10-01', ['Greta Norrmarken (Norrmark Frys)'], 'norrmark'),
    message('2026-11-01', 'Greta Norrmarken (Norrmark Frys)', 't1', 'norrmark'),
  ];
  const there = relationshipOf(graph(documents), norrmark);
  expect(there.ties[0]).toMatchObject({ ours: 'Ines Tolvaneer', together: 1 });
  expect(relationshipOf(graph(documents.toReversed()), norrmark)).toEqual(there);
});

test('contacts on record are people too, with their role and a masked address', () => {
  const { people, last } = relationshipOf(graph([], norrmark.id), norrmark);
  expect(people).toMatchObject([
    { name: 'Greta Norrmarken', role: 'Head of operations', email: 'g•••@norrmark.example', contacts: 0 },
  ]);
  expect(last).toBeNull();
});

test('a company that a text names, or whose domain stands in it, is connected without a contact', () => {
  const found = graph([
    document('TEXT', '2026-11-01', { title: 'News', text: 'Frostvale Cold Storage opens a site.' }),
    document('TEXT', '2026-11-02', { title: 'Digest', text: 'Visits from www.norrmark.example rose.' }),
  ]);
  expect(relationshipOf(found, frostvale)).toMatchObject({ last: null, documents: 1, ties: [] });
  expect(relationshipOf(found, norrmark)).toMatchObject({ last: null, documents: 1, ties: [] });
});

test('a name that stands at two companies is told as one that may have moved, later company last', () => {
  const { moved } = graph([
    note('2026-02-01', ['Leonie Hartgrave (Frostvale Cold Storage)'], 'frostvale'),
    note('2026-06-01', ['Leonie Hartgrave (Norrmark Frys)'], 'norrmark'),
  ]);
  expect(moved).toEqual([{ name: 'Leonie Hartgrave', companyIds: [frostvale.id, norrmark.id] }]);
});

test('what was warm and had no contact for long has gone cold, unless it has ended', () => {
  const talks = (company: string, name: string, at: string) =>
    [1, 2, 3].map((day) => note(`${at}-0${day}`, [name], company));
  const found = graph([
    ...talks('frostvale', 'Petra Halloway (Frostvale Cold Storage)', '2026-05'),
    ...talks('norrmark', 'Greta Norrmarken (Norrmark Frys)', '2026-11'),
    ...talks('sandhaven', 'Jory Pennick (Sandhaven Furniture)', '2026-05'),
  ]);
  const run = { configuration: { coldAfterDays: 60, top: 10 }, requestedAt: NOW };
  expect(goneCold(found, directory, run).map(({ companyId }) => companyId)).toEqual([frostvale.id]);
  expect(warmest(found, directory, 10).map(({ companyId }) => companyId)).toEqual([norrmark.id, frostvale.id]);
});

test('what we are called is what most people say they are of who are of no company', () => {
  const documents = ['2026-11-01', '2026-11-02', '2026-11-03'].map((at) =>
    note(at, ['Greta Norrmarken (Norrmark Frys)'], 'norrmark'),
  );
  const touches = documents.map((each) => touchOf(each, directory));
  expect(graphOf(touches, directory, { told: [], now: NOW }).us).toBe('Harbourline');
  const one = touchOf(
    note('2026-11-01', ['Greta Norrmarken (Norrmark Frys)', 'Tom Vale (Tidewater)'], 'norrmark'),
    directory,
  );
  const stranger = { ...one, people: one.people.filter(({ name }) => name !== 'Ines Tolvaneer') };
  expect(graphOf([stranger], directory, { told: [], now: NOW }).us).toBeNull();
});

test('a name that two companies have names neither', () => {
  const twins = [1, 2].map((number) =>
    directoryEntry(document('COMPANY', '2026-01-01', { name: 'Acme Freight', city: String(number) }), null),
  );
  const both = new CompanyDirectory(twins);
  expect(both.mentioned('Acme Freight opens.')).toEqual([]);
  expect(both.companyOf({ organisation: 'Acme Freight', domain: null })).toBeNull();
});

test('who has companies in their charge is one of us, whatever they sign with', () => {
  const thread = [
    message('2026-11-01', 'Greta Norrmarken (Norrmark Frys)', 'thr-owner', 'norrmark'),
    message('2026-11-02', 'Ines Tolvaneer (Kaltwerk sales)', 'thr-owner', 'norrmark'),
  ];
  const graph = graphOf(
    thread.map((each) => touchOf(each, directory)),
    directory,
    { told: [], now: NOW },
  );
  expect(graph.us).toBe('Kaltwerk');
  expect(graph.relationships.get(norrmark.id)?.ties.map(({ ours, theirs }) => [ours, theirs])).toEqual([
    ['Ines Tolvaneer', 'Greta Norrmarken'],
  ]);
});

test('a talk on record is told, though it is not said who was there', () => {
  const note = document(
    'TEXT',
    '2026-11-09',
    { title: 'Call with Norrmark', text: 'Spoke with their head of procurement.' },
    { type: 'call', company: 'norrmark' },
  );
  const graph = graphOf([touchOf(note, directory)], directory, { told: [], now: NOW });
  const relationship = graph.relationships.get(norrmark.id) as Relationship;
  const entry = directory.get(norrmark.id);
  if (entry === undefined) throw new Error('no entry');
  const told = toldOf(relationship, entry, { mood: null, paths: [], now: NOW, isCold: false });
  expect(told.summary).toBe(
    'A talk with Norrmark Frys is on record, “Call with Norrmark” of 9 November 2026; the record does not say who of us was there.',
  );
  expect(told.nextStep).toBe(
    'Ines Tolvaneer: go on with Greta Norrmarken about “Call with Norrmark” of 9 November 2026.',
  );
});

test('thanks want no answer, unless they ask', () => {
  const lastOf = (text: string) => {
    const written = { ...message('2026-11-03', 'Greta Norrmarken (Norrmark Frys)', 'thr-thanks', 'norrmark'), text };
    const graph = graphOf([touchOf(written, directory)], directory, { told: [], now: NOW });
    return graph.relationships.get(norrmark.id)?.last?.isUnanswered;
  };
  expect(lastOf('Danke, sie ist da und die Maschine läuft wieder.')).toBe(false);
  expect(lastOf('Thanks. When does the next one come?')).toBe(true);
  expect(lastOf('The gate is closed again.')).toBe(true);
});
