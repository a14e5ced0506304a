import { describe, expect, test } from 'vitest';
import { keywordsOf } from '../../../src/domain/themes/keywords.ts';
import { distinctNames, nameFromKeywords } from '../../../src/domain/themes/theme-name.ts';

const words = (...clusters: (readonly string[])[]) =>
  keywordsOf(
    clusters.flatMap((texts, cluster) => texts.map((text) => ({ text, cluster }))),
    clusters.length,
  ).map((own) => own.map(({ text }) => text));

const BILLING = [
  'The credit card was charged twice',
  'A credit card was refused',
  'Credit cards are not accepted here',
];
const SPEED = ['The page is slow', 'Slow pages all day', 'Every page loads slowly', 'Why are pages so slow?'];

describe('keywords', () => {
  test('are phrases rather than their words, in the way that they are mostly written', () => {
    expect(words(BILLING, SPEED)[0]?.[0]).toBe('credit card');
    expect(words(BILLING, SPEED)[1]).toEqual(expect.arrayContaining(['slow', 'page']));
  });

  test.each([
    [
      'German',
      ['Die Anmeldung ist leider nicht möglich', 'Bei der Anmeldung kommt ein Fehler', 'Anmeldung geht nicht mehr'],
      'Anmeldung',
    ],
    [
      'French',
      ['La facture est toujours dans le dossier', 'Je ne trouve pas la facture', 'Où est ma facture ?'],
      'facture',
    ],
    ['Spanish', ['No puedo abrir la factura', 'La factura está muy mal', 'Quiero una factura por favor'], 'factura'],
    ['Russian', ['Не могу найти счёт', 'Где мой счёт', 'Пришлите счёт ещё раз'], 'счёт'],
    ['Japanese', ['請求書が見つかりません', '請求書を送ってください', '請求書の日付が違います'], '請求'],
  ])('are no empty words in %s', (_language, texts, keyword) => {
    expect(words(texts, SPEED)[0]?.[0]).toContain(keyword);
  });

  test('are not what a form asks everybody, or its code and addresses', () => {
    const form = (said: string) =>
      `### Steps to reproduce\nDevice: ${said}\n\`\`\`\nstack trace here\n\`\`\`\nhttps://example.org/steps`;
    const wifi = ['wifi drops', 'wifi is weak', 'wifi never connects', 'wifi password'].map(form);
    const screen = ['screen flickers', 'screen is dim', 'screen stays black', 'screen cracked'].map(form);
    const [ofWifi, ofScreen] = words(wifi, screen);
    expect(ofWifi).toEqual(['wifi']);
    expect(ofScreen).toEqual(['screen']);
  });

  test('are not a form’s short headings and ready answers, its comments, or a rule that is broken into lines otherwise', () => {
    const rule = 'as per our policy we only address bugs of the documentation on this site';
    const form = (said: string, i: number) =>
      `${said}\n<!-- read the handbook first -->\n### Source\nbinary\n${i % 2 === 0 ? rule : rule.replace('only ', 'only\n')}`;
    const wifi = ['wifi drops', 'wifi is weak', 'wifi never connects', 'wifi password'].map(form);
    const [ofWifi] = words(wifi, SPEED);
    expect(ofWifi).toEqual(['wifi']);
  });

  test('are rather what others do not say than what all say', () => {
    const about = (...topics: string[]) => topics.map((topic) => `My app ${topic}`);
    const [first] = words(
      about('lost the photos', 'shows photos late', 'hides photos', 'is fine', 'works'),
      about('is slow', 'hangs', 'crashed', 'was a gift'),
      SPEED,
    );
    expect(first?.[0]).toBe('photos');
  });

  test('count a text that came several times once', () => {
    const spam = Array.from({ length: 9 }, () => 'Cheap watches for everybody');
    expect(words([...spam, ...BILLING], SPEED)[0]).not.toContain('cheap watches');
  });

  test('keep the capitals of what is written so everywhere', () => {
    const gpu = ['The GPU is not found', 'My GPU runs hot', 'No GPU memory is left'];
    expect(words(gpu, SPEED)[0]).toContain('GPU');
    expect(words(['Crashes at start', 'It crashes often', 'The app crashes'], SPEED)[0]).toContain('crashes');
  });

  test('are no labels of fields, nor their values that are the same everywhere', () => {
    const issue = (text: string, i: number) => `Type: Bug\nSprint: S${i}\n\n${text}`;
    const [first, second] = words(BILLING.map(issue), SPEED.map(issue));
    for (const label of ['type', 'sprint', 'bug']) expect([...(first ?? []), ...(second ?? [])]).not.toContain(label);
  });

  test('of nothing are none', () => {
    expect(words([], [])).toEqual([[], []]);
    expect(words(['', ''], ['🙂', '...'])).toEqual([[], []]);
  });
});

describe('a name', () => {
  const keyword = (text: string, weight: number, share = 0.5, elsewhere = 0) => ({
    ...{ text, weight, share, elsewhere },
    wordCount: text.split(' ').length,
  });

  test('is the best phrase, or the best two words', () => {
    expect(nameFromKeywords([keyword('credit card', 2), keyword('payment', 1.9)], '')).toBe('Credit card');
    expect(nameFromKeywords([keyword('card', 2), keyword('payment', 1.9)], '')).toBe('Card & payment');
    expect(nameFromKeywords([keyword('card', 2), keyword('payment', 0.1)], '')).toBe('Card');
  });

  test('quotes the document in the middle where no word speaks for them all', () => {
    expect(nameFromKeywords([], 'Yes, that is right. Thanks')).toBe('“Yes, that is right”');
    expect(nameFromKeywords([keyword('odd', 0.1, 0.05)], 'OK')).toBe('“OK”');
    expect(nameFromKeywords([keyword('app', 2, 0.7, 0.3)], 'Great app')).toBe('“Great app”');
    expect(nameFromKeywords([], 'Author: Jo Field\nChannel: sales\n\nThe gate is shut')).toBe('“The gate is shut”');
  });

  test('is nobody else’s, and short enough for a line', () => {
    const wanted = [
      { name: 'Billing', more: ['invoice'] },
      { name: 'billing', more: ['refund'] },
      { name: `${'long '.repeat(30)}`, more: [] },
    ];
    const names = distinctNames(wanted, ['BILLING']);
    expect(names.slice(0, 2)).toEqual(['Billing (invoice)', 'billing (refund)']);
    expect(names[2]?.length).toBeLessThanOrEqual(60);
    expect(
      new Set(
        distinctNames(
          Array.from({ length: 5 }, () => ({ name: 'Same', more: [] })),
          [],
        ),
      ).size,
    ).toBe(5);
  });
});
