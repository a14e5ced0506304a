import { describe, expect, test } from 'vitest';
import { InvalidInputError } from '../../../src/shared/errors.ts';
import { plan } from './import-fixtures.ts';

const mappingOf = async (content: string, options = {}) => (await plan(content, options)).mapping;

describe('a mapping that is guessed', () => {
  test.each<[string, string, Record<string, unknown>]>([
    [
      'German',
      'Vorgangsnummer;Betreff;Beschreibung;Erstellt am;Tarif\nV-1;Rechnung;Sie ist falsch.;31.12.2025 17:05;Pro\nV-2;Login;Geht nicht.;01.02.2026 08:00;Basis\n',
      {
        externalId: 'Vorgangsnummer',
        title: 'Betreff',
        text: 'Beschreibung',
        createdAt: 'Erstellt am',
        metadata: ['Tarif'],
        dateOrder: 'DMY',
      },
    ],
    [
      'French',
      'identifiant,sujet,commentaire,fecha\na1,Facture,Elle est fausse.,2026-01-02\n',
      { externalId: 'identifiant', title: 'sujet', text: 'commentaire', createdAt: 'fecha', metadata: [] },
    ],
    [
      'Chinese',
      '编号,标题,内容\n一号,发票,这张发票的地址不对。\n',
      { externalId: '编号', title: '标题', text: '内容' },
    ],
    [
      'no names that are known, by its longest texts',
      'a,b,c\n1,short,This is by far the longest of the cells.\n2,brief,And this one is rather long as well.\n',
      { text: 'c', metadata: ['a', 'b'] },
    ],
    [
      'ids that look like ids under another name',
      'kunde,meldung\nABC-1,Es geht nicht mehr seit gestern.\nABC-2,Alles gut.\nABC-3,Danke.\n',
      { externalId: 'kunde', text: 'meldung' },
    ],
  ])('finds its way in %s', async (_what, content, expected) => {
    expect(await mappingOf(content)).toMatchObject(expected);
  });

  test('takes no column for an id whose values repeat, are missing, or are merely different', async () => {
    for (const ids of ['7,7,8', '7,,8', ',,']) {
      const rows = ids.split(',').map((id, i) => `${id},Message number ${i}.`);
      expect((await mappingOf(`id,text\n${rows.join('\n')}\n`)).externalId, ids).toBe(ids === ',,' ? 'id' : undefined);
    }
    const prices = 'price,text\n1.50,One text.\n2.75,Another text.\n3.10,A third text.\n';
    expect(await mappingOf(prices)).toMatchObject({ text: 'text', metadata: ['price'] });
    expect((await mappingOf(prices)).externalId).toBeUndefined();
  });

  test('takes no column for dates whose values are none', async () => {
    expect((await mappingOf('text,date\nA text.,soon\nMore text.,2026-01-01\n')).createdAt).toBeUndefined();
  });

  test('says how it read dates that can be read in two ways, unless the mapping says how', async () => {
    const content = 'text,date\nA text.,03/04/2026\n';
    expect((await plan(content)).notes).toContainEqual(
      expect.stringMatching(/03\/04\/2026 were read with the month before day/),
    );
    const given = await plan(content, { mapping: { text: 'text', createdAt: 'date', dateOrder: 'DMY' } });
    expect(given.notes).toEqual([]);
    const telling = await mappingOf('text,date\nA text.,03/04/2026\nMore.,17/04/2026\n');
    expect(telling.dateOrder).toBe('DMY');
  });

  test('leaves records of other kinds to the extractor of the kind', async () => {
    const content = 'id,name,description,industry\n1,Orbit,Maps for ships,Logistics\n';
    expect(await mappingOf(content, { kind: 'COMPANY' })).toMatchObject({ source: true, externalId: 'id' });
  });

  test('sees conversations in a collection of messages alone', async () => {
    const content = 'thread,from,message\n1,Ann,Hello there\n1,Ben,Hello Ann\n';
    expect(await mappingOf(content, { kind: 'MESSAGE' })).toMatchObject({ conversation: 'thread', author: 'from' });
    expect((await mappingOf(content)).conversation).toBeUndefined();
  });

  test('asks for a mapping where no column can be a text', async () => {
    const refused = plan('a,b\n1,2\n3,4\n');
    await expect(refused).rejects.toThrow(InvalidInputError);
    await expect(refused).rejects.toThrow('mapping: is needed: no column looks like a text; the file has "a", "b"');
  });
});
