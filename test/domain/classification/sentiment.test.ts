import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSentimentAnalyzer } from '../../../src/domain/classification/sentiment.ts';
import { scoreByLexicon } from '../../../src/domain/classification/sentiment-lexicon.ts';
import { openLocalEmbedding } from './local-embedding.ts';

let local: Awaited<ReturnType<typeof openLocalEmbedding>>;
beforeAll(async () => {
  local = await openLocalEmbedding();
});
afterAll(() => local.close());

describe('the word list', () => {
  test.each([
    ['This is good', 1],
    ['This is not good', -1],
    ['This is not a very good idea', -1],
    ['I never had a problem', 1],
    ['It crashes and lags', -1],
    ["I can't wait for the release", 1],
    ['great👎👎👎😡', -1],
    ['shipped today 😍', 1],
    ['monday again :(', -1],
    ['all done :)', 1],
    ['The parcel was sent on Tuesday', 0],
    ['', 0],
    ['constructor toString __proto__', 0],
    ['Danke, sie ist da und die Maschine läuft wieder.', 1],
    ['Können Aufträge direkt aus SAP an die Steuerung übergeben werden?', 0],
    ['Die Maschine ist leider schon wieder kaputt.', -1],
    ['Das ist nicht gut.', -1],
    ['Merci, le service est parfait.', 1],
    ['El producto llegó roto y no funciona.', -1],
    ['Wir warten und warten auf die Dichtung 😡', -1],
    ['The man did die of it', -1],
    ['Terrible van driver', -1],
    ['Great, plus fast', 1],
  ])('"%s" has the sign %i', (text, sign) => {
    expect(Math.sign(scoreByLexicon(text).score)).toBe(sign);
  });

  test('a stronger word makes a stronger score, within -1 and 1', () => {
    const mild = scoreByLexicon('good').score;
    const strong = scoreByLexicon('very good').score;
    expect(strong).toBeGreaterThan(mild);
    expect(scoreByLexicon('superb '.repeat(500)).score).toBeLessThanOrEqual(1);
  });
});

describe('the sentiment of a text', () => {
  test('is positive, negative, neutral or mixed', async () => {
    const analyzer = await createSentimentAnalyzer([], { embed: local.embed });
    const texts = [
      'I love how quickly the team answered, thank you',
      'This is the worst update ever, nothing works',
      'The meeting moves to Thursday at ten',
      'I love the design but it crashes all the time',
    ];
    const labels = analyzer.analyze(await local.inputs(texts)).map(({ label }) => label);
    expect(labels).toEqual(['POSITIVE', 'NEGATIVE', 'NEUTRAL', 'MIXED']);
  });

  test('is less sure near zero than far from it', async () => {
    const analyzer = await createSentimentAnalyzer([], { embed: local.embed });
    const [faint, clear] = analyzer.analyze(await local.inputs(['It is okay I guess', 'Fantastic, I love it so much']));
    expect(Math.abs(faint?.score ?? 1)).toBeLessThan(Math.abs(clear?.score ?? 0));
    expect(faint?.confidence).toBeLessThan(clear?.confidence ?? 0);
  });

  test('of a text that a person corrected is what the person said', async () => {
    const text = 'Well, that release was something';
    const correction = { text, labels: [{ dimension: 'sentiment', label: 'negative' }] };
    const analyzer = await createSentimentAnalyzer([correction], { embed: local.embed });
    const [result] = analyzer.analyze(await local.inputs([text]));
    expect(result?.label).toBe('NEGATIVE');
    expect(result?.score).toBeLessThan(0);
  });
});
