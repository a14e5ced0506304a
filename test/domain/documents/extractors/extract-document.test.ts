import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DocumentKind } from '../../../../src/domain/documents/document.ts';
import { extractDocument } from '../../../../src/domain/documents/extractors/extract-document.ts';
import type { JsonValue } from '../../../../src/shared/json.ts';

const KINDS: DocumentKind[] = ['TEXT', 'FEEDBACK', 'COMPANY', 'JIRA_ISSUE', 'PULL_REQUEST', 'COMMIT', 'MESSAGE'];
const textOf = (kind: DocumentKind, source: JsonValue) => extractDocument(kind, { source }).text;
const comment = (day: number) => ({
  body: `Remark ${day}`,
  created: `2024-05-0${day}T08:00:00.000+0000`,
  author: { displayName: 'Ada' },
});

describe('extraction', () => {
  test('a title and a text given by the client win over the source', () => {
    const source = { title: 'From source', body: 'Source body' };
    expect(extractDocument('FEEDBACK', { title: 'Given', text: 'a **b**', source })).toEqual({
      title: 'Given',
      text: 'a **b**',
    });
    expect(extractDocument('FEEDBACK', { title: ' ', text: null, source })).toEqual({
      title: 'From source',
      text: 'From source\n\nSource body',
    });
  });

  test('a Jira issue carries every field, custom fields by their names, and its last three comments', () => {
    const text = textOf('JIRA_ISSUE', {
      names: { customfield_10050: 'Severity' },
      fields: {
        summary: 'Export fails',
        description: {
          type: 'doc',
          version: 1,
          content: [
            {
              type: 'paragraph',
              content: [
                { type: 'text', text: 'Nothing **at all** arrives' },
                { type: 'mention', attrs: { text: '@Kim' } },
              ],
            },
          ],
        },
        issuetype: { name: 'Bug' },
        priority: { name: 'High' },
        labels: ['billing'],
        components: [{ name: 'Exporter' }],
        customfield_10050: { value: 'S1' },
        customfield_10060: '0|i000av:',
        comment: { comments: [comment(4), comment(1), comment(2), comment(3)] },
      },
    });
    for (const part of [
      'Export fails',
      'Nothing at all arrives',
      '@Kim',
      'Type: Bug',
      'Priority: High',
      'Labels: billing',
      'Components: Exporter',
      'Severity: S1',
      'Ada: Remark 4',
    ]) {
      expect(text).toContain(part);
    }
    expect(text).not.toMatch(/Remark 1|i000av/);
  });

  test('a pull request carries its state, its labels and the last two review comments', () => {
    const text = textOf('PULL_REQUEST', {
      action: 'closed',
      pull_request: {
        title: 'Add cache',
        body: '## Why\n\nIt is `slow`',
        state: 'closed',
        merged: true,
        labels: [{ name: 'perf' }],
        review_comments: 3,
        comments: 1,
      },
      reviews: [
        { body: 'first', submitted_at: '2024-01-01T00:00:00Z' },
        { body: 'second', submitted_at: '2024-01-02T00:00:00Z' },
        { body: 'third', submitted_at: '2024-01-03T00:00:00Z' },
      ],
    });
    expect(text).toBe(
      'Add cache\n\nWhy\n\nIt is slow\n\nState: merged\nLabels: perf\n\nReview comments: second\n\nthird',
    );
  });

  test('a commit carries its summary, details, files and changes', () => {
    const text = textOf('COMMIT', {
      commit: { message: 'Fix paging\n\nThe cursor was off by one.' },
      files: [{ filename: 'src/__init__.py', status: 'modified', additions: 2, deletions: 1 }],
      stats: { additions: 2, deletions: 1 },
    });
    expect(text).toBe(
      'Fix paging\n\nThe cursor was off by one.\n\nFiles: src/__init__.py (modified +2 -1)\n\nChanges: 2 additions, 1 deletions',
    );
  });

  test('a company carries its SIC codes and its website domain in any spelling', () => {
    const text = textOf('COMPANY', {
      CompanyName: 'Acme',
      one_liner: 'Tools',
      industry: 'Retail',
      'SICCode.SicText_1': '47190 - Other retail',
      tags: ['B2B'],
      url: 'https://www.acme.example/about',
    });
    expect(text).toBe(
      'Acme\n\nTools\n\nIndustry: Retail\nSIC codes: 47190 - Other retail\nCategories: B2B\nWebsite: acme.example',
    );
  });

  test('feedback and messages carry who wrote them and where', () => {
    expect(
      textOf('FEEDBACK', {
        title: 'Dark mode',
        details: 'Please',
        board: { name: 'Ideas' },
        product_area: 'UI',
        votes: 12,
        tags: ['theme'],
      }),
    ).toBe('Dark mode\n\nPlease\n\nBoard: Ideas\nProduct area: UI\nVotes: 12\nTags: theme');
    expect(textOf('MESSAGE', { user: 'Ada', channel: 'support', text: 'See <https://a.example|the guide>' })).toBe(
      'Author: Ada\nChannel: support\n\nSee the guide',
    );
  });

  test('no source makes an extractor fail, and one without content gives an empty text', () => {
    for (const kind of KINDS)
      for (const source of [null, 7, 'x', [], {}, { fields: null }]) expect(textOf(kind, source as JsonValue)).toBe('');
    const key = fc.constantFrom(
      'title',
      'fields',
      'description',
      'comment',
      'comments',
      'files',
      'stats',
      'labels',
      'commit',
      'body',
      'type',
      'content',
      'name',
      'text',
    );
    const { json } = fc.letrec((tie) => ({
      json: fc.oneof(
        { maxDepth: 4 },
        fc.string(),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('json'), { maxLength: 3 }),
        fc.dictionary(key, tie('json'), { maxKeys: 4 }),
      ),
    }));
    fc.assert(
      fc.property(
        fc.constantFrom(...KINDS),
        json,
        (kind, source) => typeof textOf(kind, source as JsonValue) === 'string',
      ),
      { numRuns: 300 },
    );
  });

  test('a source nested fifty thousand levels deep makes no extractor fail', () => {
    let nested: JsonValue = 'core';
    for (let level = 0; level < 50_000; level++) nested = level % 2 ? [nested] : { type: 'panel', content: [nested] };
    const source = {
      title: nested,
      body: nested,
      description: nested,
      sic: nested,
      custom_fields: nested,
      files: nested,
    };
    for (const kind of KINDS) expect(typeof textOf(kind, source)).toBe('string');
  });
});
