import { phrasesOf, withoutNoise, wordRuns } from '../../themes/phrases.ts';
import { FOLLOW_UPS_MAX } from './answer.ts';
import type { Passage } from './passage.ts';
import { tellingStems } from './question.ts';
import { isField } from './sentence-ranking.ts';

/** Words with capitals that stand together. */
const NAMES = /\p{Lu}[\p{L}\p{N}’'&-]*(?: (?:(?:of|de|van|von) )?\p{Lu}[\p{L}\p{N}’'&-]*)*/gu;
/** What stands before a name within a sentence; how a sentence, a quotation or a line begins says nothing. */
const WITHIN = /[\p{Ll}\p{N}][,;]? $/u;
/** Links that belong to a sentence: "chest in level" is no phrase, "terms of service" is. */
const JOINED = / (?:to|in|for|with|on) /u;
const SHORT_NAME_CHARACTERS = 3;
const PHRASE_MAX_CHARACTERS = 50;
const TITLE_MAX_CHARACTERS = 80;
/** Words that a phrase has at least: one word seldom says what it is about. */
const PHRASE_WORDS = 2;
/** Documents that use a phrase before it is taken for one: words that meet by chance do so once. */
const PHRASE_DOCUMENTS = 2;
/** Words that a title has at least which is itself a question. */
const QUESTION_WORDS = 4;
const DAYS_AND_MONTHS =
  /^(?:mon|tues|wednes|thurs|fri|satur|sun)day$|^(?:january|february|march|april|may|june|july|august|september|october|november|december)$/iu;

interface Candidate {
  surface: string;
  documents: Set<string>;
  times: number;
}

/**
 * What else could be asked of passages, in English: about names and phrases of theirs that neither the question nor the
 * answer has, and what those are about that the answer is not from. None where nothing stands out.
 */
export function followUpQuestions(question: string, answer: string, passages: readonly Passage[]): string[] {
  const used = new Set(tellingStems(`${question} ${answer}`));
  const chosen: string[] = [];
  const take = (about: string, asked: string): void => {
    const stems = tellingStems(about);
    const isNew = stems.length > 0 && !stems.some((stem) => used.has(stem));
    if (!isNew || chosen.length === FOLLOW_UPS_MAX) return;
    for (const stem of stems) used.add(stem);
    chosen.push(asked);
  };
  for (const surface of aboutWhat(passages)) take(surface, `What do the documents say about ${surface}?`);
  for (const { title } of passages) {
    const named = title?.replace(/\s+/gu, ' ').trim() ?? '';
    if (named !== '' && named.length <= TITLE_MAX_CHARACTERS) take(named, askedOf(named));
  }
  return chosen;
}

/** Names and phrases, those of most documents first. */
function aboutWhat(passages: readonly Passage[]): string[] {
  const names = new Map<string, Candidate>();
  const phrases = new Map<string, Candidate>();
  for (const { documentId, text } of passages) {
    const plain = withoutNoise(
      text
        .split('\n')
        .filter((line) => !isField(line.trim()))
        .join('\n'),
    );
    for (const { 0: name, index } of plain.matchAll(NAMES)) {
      const isWithin = WITHIN.test(plain.slice(Math.max(0, index - 3), index));
      if (isWithin && isName(name)) count(names, name.toLowerCase(), name, documentId);
    }
    for (const run of wordRuns(plain)) {
      for (const { key, surface, wordCount } of phrasesOf(run, () => true)) {
        if (wordCount >= PHRASE_WORDS && isPhrase(surface)) count(phrases, key, surface, documentId);
      }
    }
  }
  const isShared = ({ documents }: Candidate) => documents.size >= PHRASE_DOCUMENTS;
  return [...[...phrases.values()].filter(isShared), ...names.values()].sort(byUse).map(({ surface }) => surface);
}

function isName(name: string): boolean {
  return (
    name.length >= SHORT_NAME_CHARACTERS &&
    /\p{Ll}/u.test(name) &&
    name.length <= PHRASE_MAX_CHARACTERS &&
    !name.split(' ').some(isDayOrMonth)
  );
}

function isDayOrMonth(word: string): boolean {
  return DAYS_AND_MONTHS.test(word);
}

/** In small letters throughout: beside a capital it may be part of a name, or how a sentence begins. */
function isPhrase(surface: string): boolean {
  return surface.length <= PHRASE_MAX_CHARACTERS && surface === surface.toLowerCase() && !JOINED.test(surface);
}

function count(candidates: Map<string, Candidate>, key: string, surface: string, documentId: string): void {
  const candidate = candidates.get(key) ?? { surface, documents: new Set(), times: 0 };
  candidate.documents.add(documentId);
  candidate.times += 1;
  candidates.set(key, candidate);
}

function byUse(left: Candidate, right: Candidate): number {
  return (
    right.documents.size - left.documents.size ||
    right.times - left.times ||
    right.surface.length - left.surface.length ||
    (left.surface < right.surface ? -1 : 1)
  );
}

/** A title that asks is asked as it stands. */
function askedOf(title: string): string {
  if (title.endsWith('?') && title.split(' ').length >= QUESTION_WORDS) return title;
  return `What does “${title.replace(/[.?!…]+$/u, '')}” say?`;
}
