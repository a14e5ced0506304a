import { withoutFieldLines } from '../../shared/field-lines.ts';
import { storableText } from '../../shared/text.ts';
import type { Keyword } from './keywords.ts';
import { NAME_MAX_CHARACTERS } from './theme.ts';

/** A second word joins the first in a name where it weighs at least this part of it. */
const SECOND_WORD_WEIGHT = 0.3;
/** Where fewer documents hold the best keyword, it does not speak for them. */
const MIN_SHARE_OF_NAME = 0.08;
/** One word that stands in so many of the other themes' documents too says nothing by itself. */
const MAX_SHARE_ELSEWHERE = 0.1;

/**
 * A name made of keywords: the best phrase, or the best two words. Where no word speaks for the documents, as with "yes"
 * and "right, thanks", or only one that all speak of, as "app" does, the one nearest to the middle is quoted.
 */
export function nameFromKeywords(keywords: readonly Keyword[], central: string): string {
  const [first, second] = keywords;
  if (first === undefined || first.share < MIN_SHARE_OF_NAME) return quoted(central);
  if (first.wordCount > 1) return capitalised(first.text);
  if (second !== undefined && second.weight >= first.weight * SECOND_WORD_WEIGHT) {
    return `${capitalised(first.text)} & ${second.text}`;
  }
  return first.elsewhere > MAX_SHARE_ELSEWHERE ? quoted(central) : capitalised(first.text);
}

/**
 * Names that are all different, each as it is wanted where it is free.
 * @param taken names that stay
 * @param more what a name is told apart by
 */
export function distinctNames(
  wanted: readonly { name: string; more: readonly string[] }[],
  taken: Iterable<string>,
): string[] {
  const used = new Set([...taken].map(nameKey));
  return wanted.map(({ name, more }) => {
    const short = cut(name);
    const numbers = Array.from({ length: wanted.length + used.size + 1 }, (_, i) => String(i + 2));
    const variants = [short, ...[...more, ...numbers].map((word) => `${cut(name, word.length + 3)} (${word})`)];
    const free =
      variants.find((variant) => variant.length <= NAME_MAX_CHARACTERS && !used.has(nameKey(variant))) ?? short;
    used.add(nameKey(free));
    return free;
  });
}

/** A name as it can be stored and shown in a line; empty where nothing is left. */
export function cleanName(name: string): string {
  const line = storableText(name)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();
  return cut(line.replace(/^["'“”«»]+|["'“”«».]+$/gu, ''));
}

function nameKey(name: string): string {
  return name.toLowerCase();
}

function quoted(text: string): string {
  const said = withoutFieldLines(text).trim() || text.trim();
  const [sentence = ''] = /^[^\n.!?]+[.!?]?/u.exec(said) ?? [];
  const line = cleanName(sentence);
  return line === '' ? 'Without words' : `“${cut(line, 2)}”`;
}

function capitalised(text: string): string {
  const [first = ''] = text;
  return first.toUpperCase() + text.slice(first.length);
}

/** At the end of a word where there is one. */
function cut(text: string, room = 0): string {
  const most = NAME_MAX_CHARACTERS - room;
  if (text.length <= most) return text;
  const head = text.slice(0, most - 1);
  const space = head.lastIndexOf(' ');
  return `${(space > most / 2 ? head.slice(0, space) : head).toWellFormed()}…`;
}
