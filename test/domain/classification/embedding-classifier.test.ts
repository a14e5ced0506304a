import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BUILT_IN_TAXONOMIES } from '../../../src/domain/classification/built-in-taxonomies.ts';
import { createClassifier } from '../../../src/domain/classification/embedding-classifier.ts';
import type { Taxonomy, TaxonomyLabel } from '../../../src/domain/classification/taxonomy.ts';
import { openLocalEmbedding } from './local-embedding.ts';

let local: Awaited<ReturnType<typeof openLocalEmbedding>>;
beforeAll(async () => {
  local = await openLocalEmbedding();
});
afterAll(() => local.close());

function builtIn(name: string): Taxonomy {
  const taxonomy = BUILT_IN_TAXONOMIES.find((candidate) => candidate.name === name);
  if (!taxonomy) throw new Error(`No taxonomy ${name}`);
  return taxonomy;
}

function label(name: string, examples: readonly string[] = [], description = ''): TaxonomyLabel {
  return { name, description, examples };
}

function own(
  dimension: string,
  labels: readonly TaxonomyLabel[],
  kind: { multi?: boolean; openEnded?: boolean } = {},
): Taxonomy {
  const { multi = false, openEnded = false } = kind;
  return { name: 'own', builtIn: false, dimensions: [{ name: dimension, multi, openEnded, labels }] };
}

async function labelsOf(taxonomy: Taxonomy, dimension: string, texts: readonly string[]) {
  const classifier = await createClassifier(taxonomy, [], { embed: local.embed });
  const results = classifier.classify(await local.inputs(texts));
  return results.map(({ labels }) => labels.find((given) => given.dimension === dimension)?.label);
}

describe('without any examples of the workspace', () => {
  test('feedback is told apart by its type', async () => {
    const texts = [
      'The invoice screen crashes whenever I tap print',
      'Could you add an export to our accounting tool?',
      'How do I invite a second administrator?',
      'Absolutely wonderful update, my whole team is happy',
      'Search is slow, please make it faster',
      'Rude staff and far too expensive, I am very disappointed',
    ];
    expect(await labelsOf(builtIn('feedback'), 'type', texts)).toEqual([
      'bug',
      'feature_request',
      'question',
      'praise',
      'improvement',
      'complaint',
    ]);
  });

  test('praise that names what used to be wrong, and a wish that is put as an order, are not taken for faults', async () => {
    const texts = [
      'No crashes for ten weeks. Since the autumn edition the kiosk has not failed once, great work.',
      'The double charges are over. Not one single wrong receipt this term, thank you.',
      'Show the allergens beside each dish. Waiters have to ask the kitchen every time.',
      'Remind members two days before a loan ends. Today they only hear of it when it is overdue.',
    ];
    const [first, second, ...wishes] = await labelsOf(builtIn('feedback'), 'type', texts);
    expect([first, second]).toEqual(['praise', 'praise']);
    expect(wishes).toEqual(['feature_request', 'feature_request']);
  });

  test('an outage or lost data is critical, a deadline is urgent, everything else is normal', async () => {
    const texts = [
      'Our production cluster is down since nine',
      'We lost all customer records after the migration',
      'There is a security vulnerability in your upload form',
      'Our team is blocked and we deliver this before tomorrow',
      'I cannot work without the report, please answer right away',
      'A small typo in the footer, not urgent at all',
      'Is there a dark theme?',
    ];
    expect(await labelsOf(builtIn('feedback'), 'urgency', texts)).toEqual([
      'critical',
      'critical',
      'critical',
      'urgent',
      'urgent',
      'normal',
      'normal',
    ]);
  });

  test('messages to support are told apart by their intent', async () => {
    const texts = [
      'Cancel my subscription please',
      'Let me speak to somebody in person',
      'What does the enterprise plan cost a year?',
      'I forgot my password and cannot sign in',
      'You charged my card twice',
    ];
    expect(await labelsOf(builtIn('intent'), 'intent', texts)).toEqual([
      'cancel_or_refund',
      'contact_human',
      'ask_pricing',
      'account_access',
      'billing_issue',
    ]);
  });

  test("a workspace's own labels work from familiar names alone", async () => {
    const taxonomy = own('kind', [label('Bug-Report'), label('featureRequest'), label('question')]);
    const texts = ['The upload fails with an error', 'Please add keyboard shortcuts', 'Where do I find my invoices?'];
    expect(await labelsOf(taxonomy, 'kind', texts)).toEqual(['Bug-Report', 'featureRequest', 'question']);
  });
});

describe('tags', () => {
  const vague = 'Version nine and the walk-in cupboard, twelve trays in one morning';

  async function typeOf(tags: readonly string[], hints = {}, text = vague) {
    const classifier = await createClassifier(builtIn('feedback'), [], { embed: local.embed });
    const [input] = await local.inputs([text]);
    const results = classifier.classify(input === undefined ? [] : [{ ...input, tags, hints }]);
    return results[0]?.labels.find(({ dimension }) => dimension === 'type');
  }

  test('that spell one label decide where the text does not tell, however they are written', async () => {
    expect((await typeOf(['kitchen', 'Praise']))?.label).toBe('praise');
    expect((await typeOf(['complaints']))?.label).toBe('complaint');
    expect((await typeOf(['feature-request']))?.label).toBe('feature_request');
  });

  test('that spell no label, or several, change nothing', async () => {
    const plain = await typeOf([]);
    expect(await typeOf(['kitchen', 'raise'])).toEqual(plain);
    expect(await typeOf(['praise', 'bug'])).toEqual(plain);
  });

  test('count less than a field of the dimension and than a text that is clear', async () => {
    expect((await typeOf(['praise'], { type: 'Complaint' }))?.label).toBe('complaint');
    expect((await typeOf(['praise'], {}, 'How do I reset my password?'))?.label).toBe('question');
  });
});

describe('corrections of people', () => {
  const text = 'The colours of the quarterly chart confuse our accountants';
  const paraphrase = 'Our accountants are confused by the colours in the quarterly chart';
  const correction = { text, labels: [{ dimension: 'type', label: 'praise' }] };

  test('teach at once: the document and a close paraphrase get the corrected label', async () => {
    const [before] = await labelsOf(builtIn('feedback'), 'type', [text]);
    expect(before).not.toBe('praise');
    const classifier = await createClassifier(builtIn('feedback'), [correction], { embed: local.embed });
    const results = classifier.classify(await local.inputs([text, paraphrase]));
    expect(results.map(({ labels }) => labels[0]?.label)).toEqual(['praise', 'praise']);
    expect(results[0]?.reasoning).toBe('A person labelled a nearly identical text "praise".');
  });

  test('may come as vectors alone, and win over a hundred others', async () => {
    const others = Array.from({ length: 100 }, (_, index) => `Chart number ${index} shows the wrong colours`);
    const vectors = await local.embed([text, ...others]);
    const corrections = vectors.map((vector, index) => ({
      vector,
      labels: [{ dimension: 'type', label: index === 0 ? 'praise' : 'bug' }],
    }));
    const classifier = await createClassifier(builtIn('feedback'), corrections, { embed: local.embed });
    const [same, other] = classifier.classify(await local.inputs([text, 'Chart number 7 has wrong colours']));
    expect([same?.labels[0]?.label, other?.labels[0]?.label]).toEqual(['praise', 'bug']);
  });

  test('leave unrelated texts as they were', async () => {
    const texts = ['The printer driver crashes on start', 'How do I change my address?'];
    const classifier = await createClassifier(builtIn('feedback'), [correction], { embed: local.embed });
    const after = classifier.classify(await local.inputs(texts)).map(({ labels }) => labels[0]?.label);
    expect(after).toEqual(['bug', 'question']);
  });

  test('beyond the largest number of examples the oldest are forgotten', async () => {
    const newer = { text: 'Great coffee', labels: [{ dimension: 'type', label: 'praise' }] };
    const classifier = await createClassifier(builtIn('feedback'), [newer, correction], {
      embed: local.embed,
      maxExamples: 1,
    });
    const [result] = classifier.classify(await local.inputs([text]));
    expect(result?.labels[0]?.label).not.toBe('praise');
  });
});

describe('what an answer says', () => {
  test('confidences lie between 0 and 1, and a clear text has a higher one than gibberish', async () => {
    const classifier = await createClassifier(builtIn('feedback'), [], { embed: local.embed });
    const [clear, gibberish] = classifier.classify(await local.inputs(['How do I reset my password?', 'asdkj qweoiu']));
    for (const { confidence } of [...(clear?.labels ?? []), ...(gibberish?.labels ?? [])]) {
      expect(confidence).toBeGreaterThan(0);
      expect(confidence).toBeLessThanOrEqual(1);
    }
    expect(clear?.confidence).toBeGreaterThan((gibberish?.confidence ?? 1) + 0.2);
  });

  test('the reasoning quotes the nearest example of the label', async () => {
    const taxonomy = own('team', [
      label('kitchen', ['The soup was cold', 'Breakfast ran out of bread', 'The cake was dry']),
      label('cleaning', ['There was dust on the shelf', 'Nobody emptied the bin', 'Stained towels in the bath']),
    ]);
    const classifier = await createClassifier(taxonomy, [], { embed: local.embed });
    const [result] = classifier.classify(await local.inputs(['My soup came cold']));
    expect(result?.labels[0]?.label).toBe('kitchen');
    expect(result?.reasoning).toBe('Nearest to the examples of "kitchen": "The soup was cold".');
  });

  test('an empty text gets no label', async () => {
    const classifier = await createClassifier(builtIn('feedback'), [], { embed: local.embed });
    const [result] = classifier.classify(await local.inputs(['  ']));
    expect(result).toMatchObject({ labels: [], confidence: 0 });
  });

  test('a label below the wanted confidence is not given', async () => {
    const options = { embed: local.embed, abstainBelow: 0.6 };
    const classifier = await createClassifier(builtIn('intent'), [], options);
    const [vague, clear] = classifier.classify(
      await local.inputs(['purple elephants tomorrow', 'Thanks a lot, perfect']),
    );
    expect(vague?.labels).toEqual([]);
    expect(clear?.labels[0]?.label).toBe('give_praise');
  });

  test('vectors of another model are refused', async () => {
    const classifier = await createClassifier(builtIn('intent'), [], { embed: local.embed });
    expect(() => classifier.classify([{ text: 'hello', vector: new Float32Array(384) }])).toThrow(/different models/);
  });
});

describe('open-ended and multi dimensions', () => {
  const areas = [
    label('billing', ['The invoice shows a wrong amount', 'My card was charged twice'], 'Payments and invoices'),
    label('search', ['The search finds nothing', 'Results are in a strange order'], 'Finding things'),
    label('mobile app', ['The Android app closes by itself', 'The phone version is missing a menu'], 'Phones'),
  ];

  test('the product area of feedback stays empty while nobody named areas', async () => {
    expect(await labelsOf(builtIn('feedback'), 'product_area', ['The invoice is wrong'])).toEqual([undefined]);
  });

  test('the product area is taken from a line of the text or from a hint', async () => {
    const classifier = await createClassifier(builtIn('feedback'), [], { embed: local.embed });
    const [said, plain] = await local.inputs(['It fails to save.\nProduct area: Team calendar', 'It fails to save.']);
    const hinted = plain && { ...plain, hints: { product_area: 'Exports', type: 'no such type' } };
    const results = classifier.classify([said, hinted].filter((input) => input !== undefined));
    const given = results.map(({ labels }) => labels.find(({ dimension }) => dimension === 'product_area')?.label);
    expect(given).toEqual(['Team calendar', 'Exports']);
    expect(results[1]?.labels[0]?.label).toBe('bug');
  });

  test('a label of an open-ended dimension is learned from corrections, for the same and for similar texts', async () => {
    const choice = (name: string) => [{ dimension: 'product_area', label: name }];
    const corrections = [
      { text: 'The seat map shows rows that do not exist', labels: choice('Seating') },
      { text: 'The voucher code is refused at the till', labels: choice('vouchers') },
      { text: 'Seats are sold twice in the balcony', labels: choice('seating') },
    ];
    const classifier = await createClassifier(builtIn('feedback'), corrections, { embed: local.embed });
    const texts = [
      'The seat map shows rows that do not exist',
      'At the till my voucher code was refused',
      'The gardener waters roses in the evening',
    ];
    const given = classifier.classify(await local.inputs(texts));
    const found = given.map(({ labels }) => labels.find(({ dimension }) => dimension === 'product_area')?.label);
    expect(found).toEqual(['Seating', 'vouchers', undefined]);
    expect(given[0]?.labels[0]?.label).toBe('bug');
  });

  test('an open-ended dimension gives no label to a text about something else', async () => {
    const taxonomy = own('product_area', areas, { openEnded: true });
    const texts = ['The amount on my invoice is wrong', 'The gardener waters roses in the evening'];
    expect(await labelsOf(taxonomy, 'product_area', texts)).toEqual(['billing', undefined]);
  });

  test('a multi dimension gives every label that comes near the best one', async () => {
    const classifier = await createClassifier(own('areas', areas, { multi: true }), [], { embed: local.embed });
    const texts = ['Search on my mobile phone does not show results', 'My card was charged twice for one invoice'];
    const [both, one] = classifier.classify(await local.inputs(texts));
    expect(both?.labels.map((given) => given.label).sort()).toEqual(['mobile app', 'search']);
    expect(one?.labels.map((given) => given.label)).toEqual(['billing']);
  });
});
