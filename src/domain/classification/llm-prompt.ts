import type { ChatMessage } from '../../plugins/contract.ts';
import { PromptFile } from '../../shared/prompt-file.ts';
import { documentKey } from '../gateway/batched-questions.ts';
import { markedText, markerOf } from '../gateway/marked-texts.ts';
import type { CorrectedDocument } from './classification-store.ts';
import type { Lesson, TextInput } from './judgement.ts';
import { PERSON_CONFIDENCE } from './learned-classifier.ts';
import { dimensionKey, isSentiment } from './llm-verdict.ts';
import type { Taxonomy, TaxonomyDimension, TaxonomyLabel } from './taxonomy.ts';
import { classifiableText } from './text-cues.ts';

const PROMPT = new PromptFile<'taxonomy' | 'dimensions' | 'score' | 'marker'>(
  new URL('./classify-prompt.md', import.meta.url),
);
const SCORE_RULE =
  '- `score` is how the author feels, from -1 (very bad) to 1 (very good); near 0 where neither or both.\n';

/** Corrections that are shown with a question. */
const CORRECTIONS_SHOWN = 8;
const CORRECTION_CHARACTERS = 600;
const TAGS_SHOWN = 20;
/** Of a taxonomy's labels, all together, and of one of them. */
const LABEL_EXAMPLES_SHOWN = 60;
const LABEL_EXAMPLES_MAX = 3;
const LABEL_EXAMPLE_CHARACTERS = 200;

/** Asks for the labels of texts. The texts stand between lines that nobody who writes one can forge. */
export function classifyMessages({ taxonomy, corrections }: Lesson, texts: readonly TextInput[]): ChatMessage[] {
  const shown = fittingCorrections(corrections, texts).map((correction) => ({
    text: taughtText(correction).slice(0, CORRECTION_CHARACTERS),
    labels: JSON.stringify(taughtLabels(taxonomy, correction)),
  }));
  const marker = markerOf([taxonomy, shown, texts]);
  const system = PROMPT.fill({
    taxonomy: inline(taxonomy.name),
    dimensions: taxonomy.dimensions.map(describeDimension).join('\n\n'),
    score: isSentiment(taxonomy) ? SCORE_RULE : '',
    marker,
  });
  const marked = (name: string, text: string) => markedText(marker, name, text);
  const examples = shown.map(({ text, labels }, i) => `${marked(`example ${i + 1}`, text)}\nIts labels: ${labels}`);
  const documents = texts.map((input, place) => marked(`document ${documentKey(place)}`, documentText(input)));
  const keys = texts.map((_, place) => documentKey(place)).join(', ');
  const parts = [
    ...(examples.length === 0 ? [] : ['Texts that people have labelled:', ...examples]),
    `The documents to label, ${texts.length} in all (${keys}):`,
    ...documents,
  ];
  return [
    { role: 'system', text: system },
    { role: 'user', parts: [{ kind: 'text', text: parts.join('\n\n') }] },
  ];
}

function documentText({ text, tags = [] }: TextInput): string {
  const tagged = tags
    .slice(0, TAGS_SHOWN)
    .map((tag) => inline(tag))
    .join(', ');
  return tagged === '' ? text : `Tags: ${tagged}\n${text}`;
}

function describeDimension(dimension: TaxonomyDimension, place: number): string {
  const { name, labels, multi, openEnded } = dimension;
  const perLabel = Math.min(LABEL_EXAMPLES_MAX, Math.floor(LABEL_EXAMPLES_SHOWN / Math.max(labels.length, 1)));
  const closed = multi ? 'one or more of these labels' : 'exactly one of these labels';
  const open = `${multi ? 'any number of labels' : 'one label'}, or ${multi ? 'none' : 'null'} where the text does not tell`;
  const known = labels.length === 0 ? 'no label is known yet' : 'take these where they fit';
  const rule = openEnded ? `${open}; ${known}; other short names are allowed` : closed;
  const lines = labels.map((label) => describeLabel(label, perLabel));
  return [`Dimension \`${dimensionKey(dimension, place)}\` (${inline(name)}): ${rule}`, ...lines].join('\n');
}

function describeLabel({ name, description, examples }: TaxonomyLabel, exampleCount: number): string {
  const quoted = examples.slice(0, exampleCount).map((text) => JSON.stringify(inline(text, LABEL_EXAMPLE_CHARACTERS)));
  const described = description.trim() === '' ? '' : `: ${inline(description)}`;
  return `- ${JSON.stringify(name)}${described}${quoted.length === 0 ? '' : ` (such as ${quoted.join(', ')})`}`;
}

function inline(text: string, maxCharacters = Number.POSITIVE_INFINITY): string {
  return text.replace(/\s+/g, ' ').trim().slice(0, maxCharacters);
}

/** Those that share the most words with one of the texts; the newest of equal ones. */
function fittingCorrections(
  corrections: readonly CorrectedDocument[],
  texts: readonly TextInput[],
): readonly CorrectedDocument[] {
  if (corrections.length <= CORRECTIONS_SHOWN) return corrections;
  const asked = texts.map(({ text }) => wordsOf(text));
  return corrections
    .map((correction) => {
      const words = wordsOf(taughtText(correction));
      return { correction, likeness: Math.max(...asked.map((other) => likeness(words, other))) };
    })
    .sort((left, right) => right.likeness - left.likeness)
    .slice(0, CORRECTIONS_SHOWN)
    .map(({ correction }) => correction);
}

function taughtText({ title, text }: CorrectedDocument): string {
  return classifiableText(title, text);
}

/** What a person said, by dimension; what they did not speak of is left out. */
function taughtLabels({ dimensions }: Taxonomy, { labels }: CorrectedDocument): Record<string, string | string[]> {
  const taught = dimensions.flatMap((dimension, place) => {
    const said = labels.filter((label) => label.dimension === dimension.name && label.confidence === PERSON_CONFIDENCE);
    const names = said.map(({ label }) => label);
    const [only] = names;
    if (only === undefined) return [];
    return [[dimensionKey(dimension, place), dimension.multi ? names : only] as const];
  });
  return Object.fromEntries(taught);
}

function wordsOf(text: string): ReadonlySet<string> {
  return new Set(text.toLowerCase().match(/\p{L}{3,}/gu) ?? []);
}

/** Jaccard's: words that both have, of all words. */
function likeness(left: ReadonlySet<string>, right: ReadonlySet<string>): number {
  const both = [...left].filter((word) => right.has(word)).length;
  return both === 0 ? 0 : both / (left.size + right.size - both);
}
