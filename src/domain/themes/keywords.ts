import { withoutBoilerplate } from './boilerplate.ts';
import { phrasesOf, withoutNoise, wordRuns } from './phrases.ts';

/** A text and the cluster it belongs to, from 0; -1: to none. */
export interface ClusteredText {
  text: string;
  cluster: number;
}

/** What a cluster's documents say and others do not. */
export interface Keyword {
  /** As its documents write it. */
  text: string;
  wordCount: number;
  weight: number;
  /** Share of the cluster's texts that hold it, and of the texts of the other clusters on average. */
  share: number;
  elsewhere: number;
}

export const MAX_KEYWORDS = 10;
/** Share of a cluster's texts that a keyword has to stand in, and how many at the least: two may be one text twice. */
const MIN_SHARE = 0.05;
const MIN_TEXTS = 3;
/** The same of a cluster too small for that. */
const MIN_TEXTS_OF_SMALL = 2;
const SMALL_CLUSTER = 12;
/** Added to both shares, so that what no other text holds has no endless weight. */
const UNSEEN_SHARE = 0.02;
/** What a term's weight is raised by, by how many words it has: a phrase says more than its words do one by one. */
const BONUS_OF_WORDS = [0, 1, 1.6, 1.8];
/** Weight of a written form with a capital letter against one without: sentences and titles begin with one. */
const CAPITAL_WEIGHT = 0.7;

interface Term {
  wordCount: number;
  /** In how many texts of each cluster it stands. */
  counts: Map<number, number>;
  /** How often it is written in which way. */
  surfaces: Map<string, number>;
}

/**
 * The keywords of each cluster, the most telling first: the share of a cluster's texts that hold a term, times by how
 * much that is above its share in the other clusters, as in a relative entropy. So a word that all speak of, such as
 * "app" among reviews of apps, names none of them. Texts are counted, not occurrences, so that one long text outvotes
 * nobody. (After the class-based TF-IDF of Grootendorst: BERTopic, 2022, §3.3.)
 */
export function keywordsOf(texts: readonly ClusteredText[], clusterCount: number): Keyword[][] {
  const told = tellingTexts(texts);
  const terms = termsOf(told);
  const sizes = new Map<number, number>();
  for (const { cluster } of told) sizes.set(cluster, (sizes.get(cluster) ?? 0) + 1);
  const found: (Keyword & { key: string })[][] = Array.from({ length: clusterCount }, () => []);
  for (const [key, { counts, wordCount, surfaces }] of terms) {
    const shares = [...counts].map(([cluster, count]) => ({
      cluster,
      count,
      share: count / (sizes.get(cluster) ?? 1),
    }));
    const total = shares.reduce((sum, { share }) => sum + share, 0);
    for (const { cluster, count, share } of shares) {
      const least = (sizes.get(cluster) ?? 0) < SMALL_CLUSTER ? MIN_TEXTS_OF_SMALL : MIN_TEXTS;
      if (cluster < 0 || count < least || share < MIN_SHARE) continue;
      const elsewhere = (total - share) / Math.max(1, sizes.size - 1);
      if (share <= elsewhere) continue;
      const weight =
        share * Math.log((share + UNSEEN_SHARE) / (elsewhere + UNSEEN_SHARE)) * (BONUS_OF_WORDS[wordCount] ?? 1);
      found[cluster]?.push({ key, text: commonForm(surfaces), wordCount, weight, share, elsewhere });
    }
  }
  return found.map(distinct);
}

/** Each text of a cluster once, without what comes from a form. */
function tellingTexts(texts: readonly ClusteredText[]): ClusteredText[] {
  const cleaned = withoutBoilerplate(texts.map(({ text }) => withoutNoise(text)));
  const seen = new Set<string>();
  return texts.flatMap(({ cluster }, i) => {
    const text = cleaned[i] as string;
    const key = `${cluster} ${text}`;
    if (seen.has(key)) return [];
    seen.add(key);
    return [{ text, cluster }];
  });
}

/** Words first: one that a single text uses makes no phrase. */
function termsOf(texts: readonly ClusteredText[]): Map<string, Term> {
  const runs = texts.map(({ text }) => wordRuns(text));
  const wordCounts = new Map<string, number>();
  for (const own of runs) {
    const keys = new Set(own.flat().flatMap(({ isStop, key }) => (isStop ? [] : [key])));
    for (const key of keys) wordCounts.set(key, (wordCounts.get(key) ?? 0) + 1);
  }
  const isKnown = (key: string) => (wordCounts.get(key) ?? 0) >= MIN_TEXTS_OF_SMALL;
  const terms = new Map<string, Term>();
  for (const [i, own] of runs.entries()) {
    const cluster = texts[i]?.cluster ?? -1;
    const seen = new Set<string>();
    for (const run of own) {
      for (const { key, surface, wordCount } of phrasesOf(run, isKnown)) {
        const term = terms.get(key) ?? { wordCount, counts: new Map(), surfaces: new Map() };
        terms.set(key, term);
        term.surfaces.set(surface, (term.surfaces.get(surface) ?? 0) + 1);
        if (seen.has(key)) continue;
        seen.add(key);
        term.counts.set(cluster, (term.counts.get(cluster) ?? 0) + 1);
      }
    }
  }
  return terms;
}

/** The way that a term is mostly written. */
function commonForm(surfaces: ReadonlyMap<string, number>): string {
  const weightOf = ([surface, count]: [string, number]) =>
    surface === surface.toLowerCase() ? count : count * CAPITAL_WEIGHT;
  const [first] = [...surfaces].sort(
    (left, right) => weightOf(right) - weightOf(left) || (left[0] < right[0] ? -1 : 1),
  );
  return first?.[0] ?? '';
}

/** The best ones, without those that say again what a better one has said. */
function distinct(candidates: (Keyword & { key: string })[]): Keyword[] {
  candidates.sort((left, right) => right.weight - left.weight || (left.key < right.key ? -1 : 1));
  const kept: { keyword: Keyword; words: ReadonlySet<string> }[] = [];
  for (const { key, ...keyword } of candidates) {
    if (kept.length === MAX_KEYWORDS) break;
    const words = new Set(key.split(' '));
    if (!kept.some((other) => holds(other.words, words) || holds(words, other.words))) {
      kept.push({ keyword, words });
    }
  }
  return kept.map(({ keyword }) => keyword);
}

function holds(words: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  return [...others].every((word) => words.has(word));
}
