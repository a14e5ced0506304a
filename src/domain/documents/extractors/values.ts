import { isJsonObject, type JsonValue } from '../../../shared/json.ts';
import { isAdf } from './adf.ts';
import { Fields, isArray, listOf } from './json.ts';
import { cleanLine, richText } from './markup.ts';

const MAX_DEPTH = 6;

/** The property that names a thing, in the order in which vendors use them. */
const NAMING = [
  'displayname',
  'realname',
  'fullname',
  'name',
  'value',
  'title',
  'label',
  'login',
  'username',
  'user',
  'text',
  'code',
  'key',
] as const;

/** A short value on one line: a scalar, a named object, or a list of them joined by commas; '' where there is none. */
export function inlineValue(value: JsonValue | undefined, depth = 0): string {
  if (typeof value === 'string') return cleanLine(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value === null || value === undefined || depth > MAX_DEPTH) return '';
  if (isArray(value)) return distinct(value.map((element) => inlineValue(element, depth + 1))).join(', ');
  if (!isJsonObject(value)) return '';
  if (isAdf(value)) return cleanLine(richText(value));
  const list = listOf(value);
  if (list.length > 0) return inlineValue(list, depth + 1);
  const fields = new Fields(value);
  const name = NAMING.map((key) => inlineValue(fields.first(key), depth + 1)).find((text) => text !== '') ?? '';
  // A cascading select of Jira: the chosen value and, below it, its child.
  const child = inlineValue(fields.first('child'), depth + 1);
  return distinct([name, child]).join(', ');
}

/** Names in a list, or in a string that separates them by commas or semicolons. */
export function nameList(...values: readonly (JsonValue | undefined)[]): string {
  return distinct(values.map((value) => inlineValue(value))).join(', ');
}

/** A long value: cleaned of markup, paragraphs kept. Lists become one paragraph an element. */
export function longValue(value: JsonValue | undefined, depth = 0): string {
  if (typeof value === 'string' || (isJsonObject(value) && isAdf(value))) return richText(value);
  if (depth > MAX_DEPTH) return '';
  if (isArray(value)) return distinct(value.map((element) => longValue(element, depth + 1))).join('\n\n');
  if (isJsonObject(value)) {
    const inner = new Fields(value).first('raw', 'markdown', 'text', 'content', 'body', 'value', 'html', 'plain');
    return inner === undefined ? inlineValue(value) : longValue(inner, depth + 1);
  }
  return inlineValue(value);
}

/** Who wrote something and what, on from one line; '' where nothing was written. */
function commentText(comment: JsonValue): string {
  if (!isJsonObject(comment)) return longValue(comment);
  const fields = new Fields(comment);
  const body = longValue(
    fields.first('body', 'text', 'content', 'message', 'comment', 'bodytext', 'renderedbody', 'value'),
  );
  if (body === '') return '';
  const author = personName(fields.first('author', 'user', 'by', 'authorname', 'createdby', 'from', 'updateauthor'));
  return author === '' ? body : `${author}: ${body}`;
}

/** A person's name, whether given as a string or as a vendor's user object. */
export function personName(value: JsonValue | undefined): string {
  if (!isJsonObject(value)) return inlineValue(value);
  const nested = new Fields(value).first('user', 'profile', 'application');
  return inlineValue(value) || inlineValue(nested);
}

/** The newest `count` comments that say something, oldest first. By date where all have one, else in the order given. */
export function lastComments(comments: readonly JsonValue[], count: number): string[] {
  const written = comments
    .map((comment) => ({ text: commentText(comment), time: timeOf(comment) }))
    .filter(({ text }) => text !== '');
  if (written.every(({ time }) => !Number.isNaN(time))) written.sort((left, right) => left.time - right.time);
  return written.slice(-count).map(({ text }) => text);
}

function timeOf(comment: JsonValue): number {
  if (!isJsonObject(comment)) return Number.NaN;
  const time = new Fields(comment).first('created', 'createdat', 'submittedat', 'date', 'timestamp', 'updatedat');
  if (typeof time === 'number') return time;
  return typeof time === 'string' ? Date.parse(time) : Number.NaN;
}

/** `Label: value`, or '' where there is no value. */
export function labelled(label: string, value: string): string {
  return value === '' ? '' : `${label}: ${value}`;
}

/** Blocks joined by blank lines, the lines within a block by line ends; what is empty or said before is left out. */
export function layOut(...blocks: readonly (string | readonly string[])[]): string {
  return distinct(blocks.map((block) => (typeof block === 'string' ? block : distinct(block).join('\n')))).join('\n\n');
}

export function distinct(texts: readonly string[]): string[] {
  return [...new Set(texts)].filter((text) => text !== '');
}
