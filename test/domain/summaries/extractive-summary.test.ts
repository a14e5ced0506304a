import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { extractiveSummary } from '../../../src/domain/summaries/extractive-summary.ts';

const REPORT = `Hi team,

We upgraded to version 4.2 on Monday. Since then the export of monthly reports fails for every customer with more than
10,000 rows. The page shows a spinner and after about two minutes the browser says that the connection was closed. We
tried Chrome and Firefox, and both behave the same. Smaller exports work fine. Our finance team needs the monthly report
by Friday, so this is quite urgent for us. We also noticed that the date format has changed, but that is not important
right now. Is there a workaround for large exports, such as splitting the report by week?

Thanks,
Anna`;

const plain = (text: string) => text.replace(/\s+/gu, ' ').trim();

describe('the summary of a text, made of its own sentences', () => {
  test('says what the text is about, and leaves greetings and asides out', () => {
    const summary = plain(extractiveSummary('Export fails', REPORT) ?? '');
    expect(summary).toContain('the export of monthly reports fails for every customer with more than 10,000 rows');
    expect(summary).not.toMatch(/Hi team|Thanks|Anna|Firefox|date format/);
  });

  test('has one to three sentences, word for word and in their order', () => {
    const whole = plain(REPORT);
    const sentences = (extractiveSummary(null, REPORT) ?? '').split(/(?<=[.?]) (?=[A-Z])/);
    expect(sentences.length).toBeLessThanOrEqual(3);
    const places = sentences.map((sentence) => whole.indexOf(sentence));
    expect(places).not.toContain(-1);
    expect(places).toEqual(places.toSorted((left, right) => left - right));
  });

  test('leaves out the fields before a text, but for a text of fields alone', () => {
    const summary = extractiveSummary(null, `Author: Anna Field\nChannel: support\n\n${REPORT}`);
    expect(summary).not.toMatch(/Author|Channel/);
    expect(extractiveSummary(null, 'Status: Open')).toBe('Status: Open');
  });

  test('prefers the sentences that speak of what the title says', () => {
    const text = [
      'The office moved to a new building in spring.',
      'Everybody liked the new kitchen and the garden.',
      'The printers on the second floor jam every morning.',
      'The garden has room for forty people and a grill.',
      'Parking is free for everybody until the end of the year.',
    ].join(' ');
    expect(extractiveSummary('Printers jam', text)).toContain('The printers on the second floor jam every morning.');
  });

  test('does not say the same thing twice', () => {
    const text = `The nightly backup fails with a timeout. The nightly backup fails with a timeout again. ${REPORT}`;
    expect((extractiveSummary(null, text) ?? '').match(/nightly backup/g)?.length ?? 0).toBeLessThanOrEqual(1);
  });

  test('leaves out code, logs, headings and markup, unless the text is nothing else', () => {
    const log = 'gen_ops.cc:980 successful read of the export had a negative value, at least one row\n'.repeat(5);
    const issue = `<!-- Tell us of the export -->\n### Have you tried the export with the nightly build?\n\n${REPORT}
<details><summary>Logs of the export</summary>\n\n\`\`\`sh\n${log}\`\`\`\n</details>\n\n~~~\n${log}`;
    const summary = extractiveSummary('Export fails', issue) ?? '';
    expect(summary).toContain('the export of monthly reports fails');
    expect(summary).not.toMatch(/gen_ops|nightly|Tell us|[<>#`~]/);
    expect(extractiveSummary(null, `\`\`\`\n${log}\`\`\``)).toContain('successful read of the export');
    expect(extractiveSummary(null, '# Only a heading')).toContain('Only a heading');
  });

  test('is a short text itself, and of an empty one there is none', () => {
    expect(extractiveSummary('Hello', 'It works.\nThank you!')).toBe('It works. Thank you!');
    expect(extractiveSummary('Hello', ' \n')).toBeNull();
  });

  test('works where words have no spaces between them', () => {
    const text =
      '今天港口因风暴关闭，所有船只停航。船只改道前往鹿特丹，货物延误。工程师预计码头维修需要三周时间。'.repeat(6);
    const summary = extractiveSummary(null, text) ?? '';
    expect(summary.length).toBeGreaterThan(10);
    expect(summary.length).toBeLessThanOrEqual(420);
  });

  test('is bounded and well-formed, whatever the text', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 3_000 }),
      fc.array(fc.lorem({ maxCount: 30 }), { maxLength: 60 }).map((parts) => parts.join('. ')),
      fc.constantFrom('x'.repeat(100_000), '\ud800'.repeat(1_000), 'a b '.repeat(30_000), '. '.repeat(5_000)),
    );
    fc.assert(
      fc.property(fc.option(fc.string()), texts, (title, text) => {
        const summary = extractiveSummary(title, text.toWellFormed());
        if (summary === null) return text.trim() === '';
        return summary.length <= 3 * 422 && summary.isWellFormed() && summary.trim() !== '';
      }),
      { numRuns: 25 },
    );
  });

  test('of a text of a million characters reads no more than its beginning', () => {
    const sentence = (i: number) => `Sentence ${i} tells of crane ${i * 7} and of its repairs in week ${i % 13}. `;
    const text = Array.from({ length: 15_000 }, (_, i) => sentence(i)).join('');
    const whole = extractiveSummary(null, text);
    expect(whole).toBe(extractiveSummary(null, text.slice(0, 40_000)));
  });
});
