import stem from 'wink-porter2-stemmer';

/** Length of a lexical vector. */
export const LEXICAL_DIMENSIONS = 256;

const SHORTEST_GRAM = 3;
const LONGEST_GRAM = 4;
const GRAM_WEIGHT = 0.35 * 1.5;
const WORDS = /[\p{L}\p{M}\p{N}]+(?:'[\p{L}]+)?/gu;

/** Function words: they say how a sentence is built, not what it is about. */
const FUNCTION_WORDS: ReadonlySet<string> = new Set(
  (
    'a an the this that these those and or but nor so if then than as at by for from in into of on onto off out over to up ' +
    'down with without about after before between under again further during through against above below until while ' +
    'i me my mine myself we us our ours ourselves you your yours yourself he him his himself she her hers herself it its ' +
    'itself they them their theirs themselves am is are was were be been being do does did doing done have has had having ' +
    'will would shall should can could may might must there here when where why how what which who whom whose ' +
    'also just only very too some any each both all such own same other more most ' +
    "it's i'm i've i'd i'll we're we've you're he's she's they're that's there's what's let's"
  ).split(' '),
);

/** FNV-1a over UTF-16 code units, then mixed so that also the low bits depend on every character. */
function hash(text: string): number {
  let state = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    state = Math.imul(state ^ text.charCodeAt(index), 0x01000193);
  }
  state = Math.imul(state ^ (state >>> 15), 0x85ebca6b);
  return (state ^ (state >>> 13)) >>> 0;
}

interface Feature {
  count: number;
  readonly weight: number;
}

function addFeature(features: Map<string, Feature>, name: string, weight: number): void {
  const known = features.get(name);
  if (known) known.count += 1;
  else features.set(name, { count: 1, weight });
}

function addGrams(features: Map<string, Feature>, word: string): void {
  const marked = `^${word}$`;
  const grams: string[] = [];
  for (let size = SHORTEST_GRAM; size <= LONGEST_GRAM; size++) {
    for (let start = 0; start + size <= marked.length; start++) grams.push(marked.slice(start, start + size));
  }
  const weight = GRAM_WEIGHT / Math.sqrt(grams.length);
  for (const gram of grams) addFeature(features, `gram:${gram}`, weight);
}

/**
 * The words of a text and their parts, hashed into a short vector with signs (Weinberger et al. 2009,
 * https://arxiv.org/abs/0902.2206): names, codes and rare words that a small sentence encoder blurs stay comparable.
 * L2 norm 1, or all zeros where a text holds no word.
 */
export function lexicalVector(text: string): Float32Array {
  const features = new Map<string, Feature>();
  for (const [word] of text.normalize('NFKC').toLowerCase().matchAll(WORDS)) {
    if (FUNCTION_WORDS.has(word)) continue;
    addFeature(features, `word:${stem(word)}`, 1);
    addGrams(features, word);
  }
  const vector = new Float32Array(LEXICAL_DIMENSIONS);
  let squares = 0;
  for (const [name, { count, weight }] of features) {
    const hashed = hash(name);
    const slot = hashed % LEXICAL_DIMENSIONS;
    vector[slot] = (vector[slot] ?? 0) + (hashed >>> 31 ? 1 : -1) * (1 + Math.log(count)) * weight;
  }
  for (const value of vector) squares += value * value;
  if (squares === 0) return vector;
  const scale = 1 / Math.sqrt(squares);
  return vector.map((value) => value * scale);
}
