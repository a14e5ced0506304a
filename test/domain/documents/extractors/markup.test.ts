import { describe, expect, test } from 'vitest';
import { cleanMarkup } from '../../../../src/domain/documents/extractors/markup.ts';

describe('markup', () => {
  test.each([
    'a < b && c > d',
    'use snake_case and __init__.py',
    'C# and 2 * 3 * 4 = 2*3*4',
    'Map<String, Item>',
    'Tom & Jerry; AT&T',
    '1986. A great year',
  ])('plain text with signs in it stays as it is: %s', (text) => expect(cleanMarkup(text)).toBe(text));

  test.each([
    [
      'markdown',
      '# Head\n\n**bold** [link](http://x.example) ![alt](z.png)\n\n- [x] done\n\n```js\na < b\n```',
      'Head\n\nbold link alt\n\ndone\n\na < b',
    ],
    ['tables', '| A | B |\n|---|---|\n| 1 | 2 |', 'A; B\n1; 2'],
    ['HTML', '<div><p>Hi <em>you</em> &amp; me</p><!-- note --></div>', 'Hi you & me'],
    [
      'Jira wiki',
      'h1. Title\n{code:java}\nint a;\n{code}\n{color:red}red{color} [text|http://a.example]\n||a||b||',
      'Title\n\nint a;\n\nred text\na; b',
    ],
  ])('%s becomes plain text', (_name, source, text) => expect(cleanMarkup(source)).toBe(text));
});
