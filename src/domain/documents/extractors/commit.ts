import { isJsonObject, type JsonObject, type JsonValue } from '../../../shared/json.ts';
import type { Extracted } from './extracted.ts';
import { Fields, isArray, listOf, unwrap } from './json.ts';
import { cleanLine } from './markup.ts';
import { inlineValue, labelled, layOut, longValue } from './values.ts';

/**
 * A commit as GitHub's API gives it (`commit.message`, `files`, `stats`), as a push event does, or as `git log` prints it.
 * @see https://docs.github.com/en/rest/commits/commits#get-a-commit
 */
export function extractCommit(source: JsonObject): Extracted {
  const outer = unwrap(source, 'headcommit');
  const fields = unwrap(source, 'commit', 'headcommit');
  const message = rawText(fields.first('message', 'rawmessage', 'commitmessage', 'fullmessage'));
  const newline = message.trimStart().indexOf('\n');
  const firstLine = newline === -1 ? message : message.trimStart().slice(0, newline);
  const rest = newline === -1 ? '' : message.trimStart().slice(newline + 1);
  const summary =
    inlineValue(fields.first('summary', 'subject', 'title', 'messageheadline')) || cleanLine(firstLine) || null;
  const text = layOut(
    summary ?? '',
    longValue(rest),
    longValue(fields.first('details', 'body', 'description', 'messagebody')),
    labelled('Files', files(outer).join('\n')),
    labelled('Changes', changes(outer)),
  );
  return { title: summary, text };
}

function rawText(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value.replace(/\r\n?/g, '\n') : inlineValue(value);
}

function files(fields: Fields): string[] {
  const listed = fields.first('files', 'filenames', 'changedfiles', 'fileschanged', 'paths', 'filelist');
  const given =
    typeof listed === 'string' ? listed.split(/[\n,]+/) : isNamedByPath(listed) ? Object.keys(listed) : listOf(listed);
  const pushed = (['added', 'modified', 'removed'] as const).flatMap((status) =>
    listOf(fields.first(status)).map((path) => ({ path, status })),
  );
  return [...given, ...pushed].map((file) => fileLine(file)).filter((line) => line !== '');
}

/** `{ "src/a.ts": { additions: 1 } }` */
function isNamedByPath(value: JsonValue | undefined): value is JsonObject {
  return isJsonObject(value) && listOf(value).length === 0;
}

function fileLine(file: JsonValue): string {
  if (typeof file === 'string') return file.trim();
  if (!isJsonObject(file)) return '';
  const fields = new Fields(file);
  const path = plain(fields.first('filename', 'path', 'name', 'file', 'newpath', 'oldpath'));
  const from = plain(fields.first('previousfilename', 'renamedfrom'));
  const notes = [
    plain(fields.first('status', 'changetype', 'type')),
    from === '' ? '' : `from ${from}`,
    counted('+', fields.first('additions', 'added', 'insertions')),
    counted('-', fields.first('deletions', 'removed', 'deleted')),
  ].filter((note) => note !== '');
  return path !== '' && notes.length > 0 ? `${path} (${notes.join(' ')})` : path;
}

/** Paths are no markup: `__init__.py` and `[id].tsx` stay as they are. */
function plain(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value.trim() : '';
}

function counted(sign: string, value: JsonValue | undefined): string {
  return typeof value === 'number' ? `${sign}${value}` : '';
}

function changes(fields: Fields): string {
  const stats = fields.first('stats', 'stat', 'diffstat', 'statistics');
  const told = fields.all('changes', 'changesummary').filter((value) => typeof value !== 'number');
  const counts = new Fields(stats, fields.first('changes'), Object.fromEntries(countsOf(fields)));
  const numbers = [
    counts.first('files', 'fileschanged', 'changedfiles', 'filecount'),
    counts.first('additions', 'insertions', 'added', 'linesadded'),
    counts.first('deletions', 'removed', 'deleted', 'linesdeleted', 'linesremoved'),
  ].map((value) => (typeof value === 'number' ? value : null));
  const units = ['files changed', 'additions', 'deletions'];
  const lines = numbers
    .map((number, index) => (number === null ? '' : `${number} ${units[index]}`))
    .filter((part) => part !== '');
  return [
    lines.join(', '),
    typeof stats === 'string' ? longValue(stats) : '',
    ...told.map((value) =>
      isArray(value)
        ? value.map((line) => inlineValue(line) || fileLine(line)).join('\n')
        : typeof value === 'string'
          ? longValue(value)
          : '',
    ),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

/** Counts that stand beside the message, or are summed over the files where no totals are given. */
function countsOf(fields: Fields): [string, number][] {
  const counted: [string, number][] = [];
  for (const [name, ...spellings] of [
    ['additions', 'insertions', 'linesadded'],
    ['deletions', 'linesdeleted', 'linesremoved'],
  ] as const) {
    const given = fields.first(name, ...spellings);
    const perFile = listOf(fields.first('files', 'changedfiles'))
      .map((file) => (isJsonObject(file) ? new Fields(file).first(name, ...spellings) : undefined))
      .filter((count) => typeof count === 'number');
    if (typeof given === 'number') counted.push([name, given]);
    else if (perFile.length > 0) counted.push([name, perFile.reduce((sum, count) => sum + count, 0)]);
  }
  return counted;
}
