import { phrasesOf, withoutNoise, wordRuns } from '../../themes/phrases.ts';
import { FOLLOW_UPS_MAX } from './answer.ts';
import type { Passage } from './passage.ts';
import { tellingStems } from './question.ts';
import { isField } from './sentence-ranking.ts';

/** A capital letter within a sentence makes a name of a phrase. */
const NAME = /^\p{Lu}/u;
/** What a phrase weighs by how many words it has: one word seldom says what it is about. */
const WEIGHT_OF_WORDS = [0, 0.5, 1.6, 1.8];
const NAME_WEIGHT = 2;
const PHRASE_MAX_CHARACTERS = 50;

interface Candidate {
  surface: string;
  weight: number;
  documents: Set<string>;
}

/**
 * What else could be asked of passages: about their own phrases that neither the question nor the answer has, most
 * frequent first. English, as its sentences are; none where nothing stands out.
 */
export function followUpQuestions(question: string, answer: string, passages: readonly Passage[]): string[] {
  const known = new Set(tellingStems(`${question} ${answer}`));
  const candidates = new Map<string, Candidate>();
  for (const passage of passages) {
    collect(candidates, passage, passage.title ?? '');
    const lines = passage.text.split('\n').filter((line) => !isField(line.trim()));
    collect(candidates, passage, lines.join('\n'));
  }
  const chosen: string[] = [];
  const used = new Set<string>();
  for (const { surface } of ranked(candidates)) {
    const stems = tellingStems(surface);
    if (stems.length === 0 || stems.some((term) => known.has(term) || used.has(term))) continue;
    for (const term of stems) used.add(term);
    chosen.push(asQuestion(surface));
    if (chosen.length === FOLLOW_UPS_MAX) break;
  }
  return chosen;
}

function collect(candidates: Map<string, Candidate>, { documentId }: Passage, text: string): void {
  for (const run of wordRuns(withoutNoise(text))) {
    for (const { key, surface, wordCount } of phrasesOf(run, () => true)) {
      const isName = NAME.test(surface) && surface !== run[0]?.surface;
      if (surface.length > PHRASE_MAX_CHARACTERS || (wordCount === 1 && !isName)) continue;
      const candidate = candidates.get(key) ?? { surface, weight: 0, documents: new Set() };
      candidate.weight += (WEIGHT_OF_WORDS[wordCount] ?? 1) * (isName ? NAME_WEIGHT : 1);
      candidate.documents.add(documentId);
      candidates.set(key, candidate);
    }
  }
}

function ranked(candidates: ReadonlyMap<string, Candidate>): Candidate[] {
  const worth = ({ weight, documents }: Candidate) => weight * (1 + Math.log(documents.size));
  return [...candidates.values()].sort(
    (left, right) => worth(right) - worth(left) || (left.surface < right.surface ? -1 : 1),
  );
}

function asQuestion(phrase: string): string {
  const isSentenceCase = /^\p{Lu}\p{Ll}+ \p{Ll}/u.test(phrase);
  const spoken = isSentenceCase ? phrase.charAt(0).toLowerCase() + phrase.slice(1) : phrase;
  return `What do the documents say about ${spoken}?`;
}
