import { isJsonObject, type JsonObject, type JsonValue } from '../../../shared/json.ts';
import { isArray } from './json.ts';

/** Deeper documents are not written by people; the rest is left out so that the stack stays bounded. */
const MAX_DEPTH = 200;

/** Block nodes whose children are lines of one block, not paragraphs. */
const LINE_LISTS = new Set(['bulletList', 'orderedList', 'taskList', 'decisionList', 'table']);

/** Nodes that stand on their own, set off from their neighbours by a blank line. */
const BLOCKS = new Set([
  'doc',
  'paragraph',
  'heading',
  'blockquote',
  'panel',
  'codeBlock',
  'expand',
  'nestedExpand',
  'layoutSection',
  'layoutColumn',
  'listItem',
  'tableRow',
  'tableCell',
  'tableHeader',
  'mediaSingle',
  'mediaGroup',
  'blockCard',
  'embedCard',
  'rule',
  'bodiedExtension',
  'blockTaskItem',
  ...LINE_LISTS,
]);

/** Whether a value is a document, or a fragment, in the Atlassian Document Format. */
export function isAdf(value: JsonValue | undefined): value is JsonObject {
  return isJsonObject(value) && typeof value.type === 'string' && (value.type === 'doc' || BLOCKS.has(value.type));
}

/**
 * A document in the Atlassian Document Format (ADF, version 1) as markdown. Markdown, not plain text, because people
 * also paste markdown into its text nodes: both are cleaned in one go afterwards.
 * @see https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/
 */
export function adfToMarkdown(document: JsonObject): string {
  return render(document, 0);
}

function render(node: JsonValue, depth: number): string {
  if (!isJsonObject(node) || depth > MAX_DEPTH) return '';
  const attrs = isJsonObject(node.attrs) ? node.attrs : {};
  const leaf = renderLeaf(node, attrs);
  if (leaf !== null) return leaf;
  const children = isArray(node.content) ? node.content : [];
  switch (node.type) {
    case 'codeBlock':
      return fenced(children.map((child) => (isJsonObject(child) ? textOf(child.text) : '')).join(''));
    case 'orderedList': {
      const first = typeof attrs.order === 'number' ? attrs.order : 1;
      return children.map((child, index) => `${first + index}. ${render(child, depth + 1)}`).join('\n');
    }
    case 'tableRow':
      return distinctCells(children, depth).join('; ');
    case 'expand':
    case 'nestedExpand':
      return [textOf(attrs.title), join(children, depth)].filter(Boolean).join('\n\n');
    default:
      return LINE_LISTS.has(textOf(node.type))
        ? children
            .map((child) => render(child, depth + 1))
            .filter(Boolean)
            .join('\n')
        : join(children, depth);
  }
}

/** Nodes that carry their text themselves; null for those that have children to look at. */
function renderLeaf(node: JsonObject, attrs: JsonObject): string | null {
  switch (node.type) {
    case 'text':
      return hasMark(node, 'code') ? codeSpan(textOf(node.text)) : textOf(node.text);
    case 'hardBreak':
      return '\n';
    case 'mention':
      return mention(textOf(attrs.text) || textOf(attrs.displayName));
    case 'emoji':
      return textOf(attrs.text) || textOf(attrs.shortName);
    case 'status':
    case 'placeholder':
      return textOf(attrs.text);
    case 'date':
      return isoDate(attrs.timestamp);
    case 'inlineCard':
    case 'blockCard':
    case 'embedCard':
      return cardText(attrs);
    case 'media':
    case 'mediaInline':
      return textOf(attrs.alt);
    case 'rule':
      return '';
    case 'extension':
    case 'inlineExtension':
      return textOf(attrs.text);
    default:
      return null;
  }
}

function join(children: readonly JsonValue[], depth: number): string {
  let text = '';
  for (const child of children) {
    const part = render(child, depth + 1);
    if (part === '') continue;
    const isBlock = isJsonObject(child) && BLOCKS.has(textOf(child.type));
    const isLine = isJsonObject(child) && (child.type === 'taskItem' || child.type === 'decisionItem');
    if (text !== '' && isBlock && !text.endsWith('\n\n')) text += '\n\n';
    text += isBlock ? `${part}\n\n` : isLine ? `${part}\n` : part;
  }
  return isJsonObject(children[0]) && BLOCKS.has(textOf(children[0].type)) ? text.trim() : text.replace(/\n\n$/, '');
}

function distinctCells(cells: readonly JsonValue[], depth: number): string[] {
  return cells
    .map((cell) =>
      render(cell, depth + 1)
        .replace(/\s+/g, ' ')
        .trim(),
    )
    .filter(Boolean);
}

function hasMark(node: JsonObject, type: string): boolean {
  return isArray(node.marks) && node.marks.some((mark) => isJsonObject(mark) && mark.type === type);
}

function mention(name: string): string {
  return name === '' || name.startsWith('@') ? name : `@${name}`;
}

function cardText(attrs: JsonObject): string {
  const data = isJsonObject(attrs.data) ? attrs.data : {};
  return textOf(data.name) || textOf(data.title) || textOf(attrs.url) || textOf(data.url);
}

/** Timestamps are milliseconds, as a string. */
function isoDate(timestamp: JsonValue | undefined): string {
  const date = new Date(Number(textOf(timestamp) || Number.NaN));
  return Number.isNaN(date.getTime()) ? '' : date.toISOString().slice(0, 10);
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}

/** A fence longer than any run of backticks within, so that the code cannot close it. */
export function fenced(code: string): string {
  const fence = '`'.repeat(Math.max(3, longestBacktickRun(code) + 1));
  return `${fence}\n${code.replace(/^\n+|\n+$/g, '')}\n${fence}`;
}

export function codeSpan(code: string): string {
  const fence = '`'.repeat(longestBacktickRun(code) + 1);
  return code.trim() === '' ? code : `${fence} ${code} ${fence}`;
}

function longestBacktickRun(text: string): number {
  return (text.match(/`+/g) ?? []).reduce((longest, run) => Math.max(longest, run.length), 0);
}
