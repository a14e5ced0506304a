import { compile, type Formatter } from 'html-to-text';
import { Marked, type Tokens } from 'marked';

/** A line that opens or closes a fenced code block. */
const FENCE = /^ {0,3}(`{3,}|~{3,})/;

/** Stands between table cells until the row is complete; removed from the input beforehand, as all control characters are. */
const CELL_END = '\u001f';

/** The elements of HTML. Anything else in angle brackets (`Map<String, Item>`, `<your-name>`) is what people wrote. */
const HTML_ELEMENTS = new Set(
  `a abbr acronym address applet area article aside audio b base bdi bdo big blink blockquote body br button canvas caption center cite
  code col colgroup data datalist dd del details dfn dialog dir div dl dt em embed fieldset figcaption figure font footer form
  frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe img input ins kbd label legend li link main map mark
  marquee menu meta meter nav nobr noframes noscript object ol optgroup option output p param picture pre progress q rp rt ruby
  s samp script search section select slot small source span strike strong style sub summary sup svg path g table tbody td template
  textarea tfoot th thead time title tr track tt u ul var video wbr`.split(/\s+/),
);

/** HTML blocks whose inside is no markdown. All other tags are read inline, so that markdown between them is cleaned. */
const RAW_HTML_BLOCK = /^ {0,3}<(?:pre|script|style|textarea|!--|!doctype|!\[CDATA\[|\?)/i;

const TAG = /<(\/?)([a-z][\w:.-]*)([^<>]*)>/gi;

const markdown = new Marked({
  gfm: true,
  breaks: true,
  tokenizer: {
    // Only these return undefined ("no such token here"); false asks for marked's own rule.
    html(source: string): Tokens.HTML | undefined | false {
      return RAW_HTML_BLOCK.test(source) ? false : undefined;
    },
    emStrong(source: string, _masked: string, previous = ''): Tokens.Em | undefined | false {
      const literal = literalMarks(source, previous);
      if (literal === '') return false;
      // The tokenizer may only answer with emphasis; its text is kept as it is and the emphasis dropped later.
      const token: Tokens.Text = { type: 'text', raw: literal, text: literal, escaped: false };
      return { type: 'em', raw: literal, text: literal, tokens: [token] };
    },
  },
  renderer: {
    html: ({ text }) => escapeUnknownTags(text),
    text(token) {
      if ('tokens' in token && token.tokens) return this.parser.parseInline(token.tokens);
      return dropStrayEmphasis('escaped' in token && token.escaped ? token.text : escapeHtml(token.text));
    },
  },
});

/**
 * Asterisks and underscores that open no emphasis, or ''. `2*3*4` and `2**3**4` are sums, `f(*args, **more)` is code,
 * `__init__.py` and `obj.__class__` are names.
 */
function literalMarks(source: string, previous: string): string {
  if (source.startsWith('_')) {
    const name = /^__[a-z]\w{0,60}?__(?=([.(\w])?)/.exec(source);
    return name !== null && (previous === '.' || name[1] !== undefined) ? name[0] : '';
  }
  const marks = /^\*+/.exec(source)?.[0] ?? '';
  const isInWord = marks.length === 1 ? /[\p{L}\p{N}]/u.test(previous) : marks.length === 2 && /\p{N}/u.test(previous);
  return isInWord ? marks : '';
}

/** Bold that CommonMark does not accept (`**Steps: **first`) and people write all the same. */
function dropStrayEmphasis(text: string): string {
  return text.replace(
    /(^|[\s(["'])\*\*(?=[^\s*])([^*\n]{0,200}?\p{L}[^*\n,(]{0,200}?)\*\*|\*\*([^*\n]{0,200}?\p{L}[^*\n]{0,200}?[^\s*,(])\*\*(?=$|[\s.,:;!?)])/gu,
    '$1$2$3',
  );
}

function escapeHtml(text: string): string {
  // A character reference (`&nbsp;`) stays one.
  return text
    .replace(/&(?!(?:#\d{1,7}|#x[\da-f]{1,6}|\w{1,32});)/gi, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;');
}

function escapeUnknownTags(html: string): string {
  return html.replace(TAG, (tag, _slash: string, name: string) => (isHtmlElement(name) ? tag : escapeHtml(tag)));
}

/** `<br>` and `<BR>`, but not `<Button>`: a component is content. */
function isHtmlElement(name: string): boolean {
  const isOneCase = name === name.toLowerCase() || name === name.toUpperCase();
  return isOneCase && (name.length > 1 || name === name.toLowerCase()) && HTML_ELEMENTS.has(name.toLowerCase());
}

const imageAlt: Formatter = (node, _walk, builder) => builder.addInline(node.attribs?.alt ?? '');

const block: Formatter = (node, walk, builder) => {
  builder.openBlock({ leadingLineBreaks: 2 });
  walk(node.children, builder);
  builder.closeBlock({ trailingLineBreaks: 2 });
};

const line: Formatter = (node, walk, builder) => {
  builder.openBlock({ leadingLineBreaks: 1 });
  walk(node.children, builder);
  builder.closeBlock({ trailingLineBreaks: 1 });
};

const cell: Formatter = (node, walk, builder) => {
  walk(node.children, builder);
  builder.addInline(CELL_END);
};

const htmlToText = compile({
  wordwrap: false,
  formatters: { imageAlt, paragraphs: block, line, cell },
  limits: { maxInputLength: Number.MAX_SAFE_INTEGER, maxDepth: 400, ellipsis: '' },
  selectors: [
    { selector: 'a', options: { ignoreHref: true } },
    { selector: 'img', format: 'imageAlt' },
    { selector: 'blockquote', format: 'paragraphs' },
    { selector: 'table', format: 'paragraphs' },
    { selector: 'tr', format: 'line' },
    { selector: 'td', format: 'cell' },
    { selector: 'th', format: 'cell' },
    { selector: 'ul', format: 'line' },
    { selector: 'li', format: 'line' },
    { selector: 'dt', format: 'line' },
    { selector: 'dd', format: 'line' },
    { selector: 'summary', format: 'paragraphs' },
    { selector: 'hr', format: 'paragraphs' },
    ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, options: { uppercase: false } })),
  ],
});

/** Markdown, with or without HTML in it, as plain text. */
export function markdownToText(source: string): string {
  let text = '';
  for (const segment of cutIntoSegments(unindentTags(source))) {
    const plain = isNoise(segment.text)
      ? segment.text
      : htmlToText(markdown.parse(limitNesting(segment.text), { async: false }));
    text += plain + segment.end;
  }
  // People paste fenced code into fences, and fences into the middle of lines.
  text = text.replace(/^[ \t]*`{3,}(?:[\w+#-]{0,20}[ \t]*$)?|`{3,}[ \t]*$/gm, '');
  return text.includes(CELL_END) ? text.split('\n').map(joinCells).join('\n') : text;
}

/** One line of markdown (a title) as plain text: no headings, lists or quotes, as `# 1 fan` and `- 5 °C` are titles too. */
export function markdownLineToText(source: string): string {
  const limited = limitNesting(source);
  // A tag that is never closed is what the title is about: `<datalist> support`.
  const line = /<\/[a-z]|<br\b|<!--|<(?:https?|mailto):/i.test(limited) ? limited : escapeOutsideCode(limited);
  return htmlToText(markdown.parseInline(line, { async: false }));
}

function escapeOutsideCode(line: string): string {
  return line
    .split(/(`[^`]*`)/)
    .map((part, index) => (index % 2 === 1 ? part : part.replace(/</g, '&lt;')))
    .join('');
}

function joinCells(row: string): string {
  if (!row.includes(CELL_END)) return row;
  return row
    .split(CELL_END)
    .map((text) => text.trim())
    .filter((text) => text !== '')
    .join('; ');
}

/** Lengths in characters from which a segment may end at a blank line, at a line end, anywhere. */
const SEGMENT_LENGTHS = { blankLine: 4_000, lineEnd: 8_000, anywhere: 12_000 } as const;

interface Segment {
  readonly text: string;
  /** What stood between this segment and the next. */
  readonly end: '\n\n' | '\n' | '';
}

/** Some rules of the markdown grammar take quadratic time; in segments, the work grows with the length. */
function* cutIntoSegments(source: string): Generator<Segment> {
  let start = 0;
  let fence = '';
  let reopened = '';
  for (let at = 0; at < source.length; ) {
    const newline = source.indexOf('\n', at);
    const lineEnd = newline === -1 ? source.length : newline + 1;
    const end = Math.min(lineEnd, start + SEGMENT_LENGTHS.anywhere);
    const line = source.slice(at, end);
    const mark = FENCE.exec(line)?.[1];
    if (mark !== undefined) fence = fence === '' ? mark : mark.startsWith(fence) ? '' : fence;
    at = end;
    const pause = pauseAfter(line, at - start, at === lineEnd, fence !== '');
    if (pause === null) continue;
    yield { text: reopened + source.slice(start, at), end: pause };
    start = at;
    // A block of code that was cut goes on as code.
    reopened = fence === '' ? '' : `${fence}\n`;
  }
  if (start < source.length) yield { text: reopened + source.slice(start), end: '' };
}

function pauseAfter(line: string, length: number, isWholeLine: boolean, isCode: boolean): Segment['end'] | null {
  if (!isWholeLine) return '';
  if (!isCode && line.trim() === '' && length >= SEGMENT_LENGTHS.blankLine) return '\n\n';
  const isTable = line.trimStart().startsWith('|');
  return length >= SEGMENT_LENGTHS.lineEnd && !isTable ? '\n' : null;
}

/** Long stretches that are mostly marks (dumps, drawings, attacks on the parser) are left as they are. */
function isNoise(segment: string): boolean {
  return segment.length > 1_000 && (segment.match(/[[\]<*_`~!&{}\\]/g)?.length ?? 0) > segment.length / 5;
}

/** In text that begins as HTML, indentation is layout; markdown would take it for code and keep the tags. */
function unindentTags(source: string): string {
  const opening = /^\s*<!?([a-z][a-z0-9]*)\b/i.exec(source)?.[1];
  if (opening === undefined || (opening.toLowerCase() !== 'doctype' && !isHtmlElement(opening))) return source;
  return source.replace(/^[ \t]+(?=<)/gm, '');
}

const LONGEST_RUN = 60;

/** Thousands of quote marks, list marks or brackets in a row would exhaust the parser's stack or its time. */
function limitNesting(source: string): string {
  return source
    .replace(/^((?:[ \t]*>){20})(?:[ \t]*>)+/gm, '$1')
    .replace(/^((?:[ \t]*(?:[-*+]|\d{1,9}[.)])[ \t]+){20})(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)+/gm, '$1')
    .replace(/([[\]*_~!<])\1{60,}/g, (run: string, mark: string) =>
      /^[*_~]/.test(run) ? '' : mark.repeat(LONGEST_RUN),
    );
}
