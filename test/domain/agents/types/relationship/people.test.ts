import { expect, test } from 'vitest';
import {
  maskedAddress,
  peopleOf,
  personKey,
  readPerson,
} from '../../../../../src/domain/agents/types/relationship/people.ts';

test.each([
  ['Petra Halloway (Frostvale Cold Storage)', 'Petra Halloway', 'Frostvale Cold Storage'],
  ['Petra Halloway, Frostvale Cold Storage', 'Petra Halloway', 'Frostvale Cold Storage'],
  ['Dr. Liv Sandoval-Rehn (Orvendal Pharma)', 'Dr. Liv Sandoval-Rehn', 'Orvendal Pharma'],
  ['Joris van Elderbeek | Junipergate', 'Joris van Elderbeek', 'Junipergate'],
  ['Solange Marbeuf', 'Solange Marbeuf', null],
])('“%s” is %s of %s', (text, name, organisation) => {
  expect(readPerson(text, 'author')).toMatchObject({ name, organisation });
});

test.each(['support-bot', 'ivestergard', 'NOREPLY', 'the whole team at Frostvale', '', 'Frostvale'])(
  '“%s” is not taken for a person',
  (text) => {
    expect(readPerson(text, 'author')).toBeNull();
  },
);

test('of an address its domain is kept and the rest is masked', () => {
  const person = readPerson('Petra Halloway <petra.halloway@frostvale.example>', 'author');
  expect(person).toMatchObject({
    name: 'Petra Halloway',
    domain: 'frostvale.example',
    email: 'p•••@frostvale.example',
  });
  expect(JSON.stringify(person)).not.toContain('petra.halloway');
  expect(maskedAddress('a@b.example')).toBe('a•••@b.example');
});

test('case, accents, titles and dots do not make two people of one', () => {
  expect(personKey('Dr. Zoë Brāsk')).toBe(personKey('zoe brask'));
});

test.each([
  [
    'JIRA_ISSUE',
    { fields: { assignee: { displayName: 'Hana Okuribe' }, reporter: { displayName: 'Nell Garrowby' } } },
    ['assignee Hana Okuribe', 'reporter Nell Garrowby'],
  ],
  [
    'COMMIT',
    { sha: 'a', commit: { author: { name: 'Imke Vestergard', email: 'imke@harbourline.example' } } },
    ['author Imke Vestergard'],
  ],
  [
    'PULL_REQUEST',
    { user: { login: 'ivestergard' }, review_comments: [{ user: { login: 'x', name: 'Callum Strathie' } }] },
    ['commenter Callum Strathie'],
  ],
  [
    'TEXT',
    { author: 'Ines Tolvaneer (Harbourline sales)', attendees: ['Greta Norrmarken (Norrmark Frys)'] },
    ['author Ines Tolvaneer', 'participant Greta Norrmarken'],
  ],
  [
    'COMPANY',
    { name: 'Norrmark', contacts: [{ name: 'Greta Norrmarken', title: 'Head of operations' }] },
    ['contact Greta Norrmarken'],
  ],
  [
    'MESSAGE',
    { message: { author: 'Milo Dragan (Savrin Forwarding)', text: 'Ask Petra Halloway.' } },
    ['author Milo Dragan'],
  ],
] as const)('a %s names its people in its fields', (kind, source, people) => {
  const found = peopleOf({ kind, source: structuredClone(source) as never });
  expect(found.map(({ part, name }) => `${part} ${name}`)).toEqual(people);
});
