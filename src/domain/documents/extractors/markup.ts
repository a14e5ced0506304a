import type { JsonObject, JsonValue } from '../../../shared/json.ts';
import { adfToMarkdown, isAdf } from './adf.ts';
import { jiraWikiToMarkdown, looksLikeJiraWiki } from './jira-wiki.ts';
import { markdownLineToText, markdownToText } from './markdown.ts';

// Control characters but for tab and line end, and the invisible marks of byte order and zero width.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be removed
const INVISIBLE = /[\u0000-\u0008\u000b-\u001f\u007f\u200b\ufeff]/g;

/** Text a database takes: well-formed UTF-16 without NUL characters; everything else stays as it was given. */
export function storable(text: string): string {
  return text.toWellFormed().replaceAll('\u0000', '');
}

/** Markdown, HTML, Jira wiki markup, or none of them, as plain text: paragraphs set off by one blank line each. */
export function cleanMarkup(source: string): string {
  const text = readable(source);
  if (!hasMarkup(text)) return tidy(text);
  return tidy(markdownToText(looksLikeJiraWiki(text) ? jiraWikiToMarkdown(text) : text));
}

/** The same for what is one line: titles, names, labels. */
export function cleanLine(source: string): string {
  const text = readable(source);
  const plain = /[*_`[\]<>&~\\!]/.test(text) ? markdownLineToText(text.trim()) : text;
  return plain.replace(/\s+/g, ' ').trim();
}

/** Long text as vendors send it: a string with markup, an ADF document, or such a document as a JSON string. */
export function richText(value: string | JsonObject): string {
  if (typeof value !== 'string') return cleanMarkup(adfToMarkdown(value));
  const document = value.trimStart().startsWith('{') && value.includes('"doc"') ? parseAdf(value) : null;
  return cleanMarkup(document === null ? value : adfToMarkdown(document));
}

function parseAdf(text: string): JsonObject | null {
  try {
    const value = JSON.parse(text) as JsonValue;
    return isAdf(value) ? value : null;
  } catch (error) {
    // Not JSON: it is prose that begins with a brace.
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function readable(source: string): string {
  return source
    .toWellFormed()
    .replace(/\r\n?/g, '\n')
    .replace(/[\u2028\u2029\u0085]/g, '\n')
    .replace(INVISIBLE, '');
}

/** Whether any character could be markup; most short texts have none and skip the parsers. */
function hasMarkup(text: string): boolean {
  return /[*_`#[\]<>&|~\\{}!]|^\s*(?:[-+=]|\d+[.)]|h[1-6]\.|bq\.)|https?:|\t| {4}/m.test(text);
}

function tidy(text: string): string {
  return text
    .replace(/[^\S\n]+/g, ' ')
    .replace(/ ?\n ?/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}
