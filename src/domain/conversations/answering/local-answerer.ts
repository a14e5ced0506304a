import { chunkInput, sentences } from '../../documents/chunking.ts';
import { detectLanguage } from '../../documents/language.ts';
import type { ModelCall } from '../../gateway/model-call.ts';
import type { ModelGateway } from '../../gateway/model-gateway.ts';
import { EXTRACTIVE_MODEL } from '../../summaries/summary.ts';
import type { AnswerCitation } from '../answer.ts';
import type { Answer } from './answer.ts';
import { followUpQuestions } from './follow-up-questions.ts';
import type { Passage } from './passage.ts';
import type { FoundPassages } from './passage-finder.ts';
import { readQuestion, tellingStems } from './question.ts';
import { shortened } from './quote.ts';
import { type JudgedSentence, rankSentences } from './sentence-ranking.ts';
import { unknownAnswer } from './unknown-answer.ts';

/** Words of a "sentence"; a longer one is a table or a log, and is cut. */
const SENTENCE_WORDS = 80;
/** Sentences that are compared by their vectors: those that have most of the question's words. */
const COMPARED = 12;
/** The cosine of one meaning in the space that the shares of a sentence's score were found in. */
const TUNED_SAME_MEANING = 0.73;
/**
 * Score below which a sentence is no answer. Of 27 right ones among the 1,148 sentences of TREC QA's development half 24
 * are above it, and of 81 questions that none of them answers 5 were given one.
 */
const LEAST_SCORE = 0.42;
const SENTENCES_MAX = 3;
/** A further sentence is worth this share of the best one, and says something else. */
const FURTHER_SHARE = 0.85;
const SAME_TERMS_SHARE = 0.7;
const ANSWER_CHARACTERS = 700;

interface Sentence {
  passage: Passage;
  passageIndex: number;
  start: number;
  end: number;
  /** In one line. */
  text: string;
  context: string;
}

/**
 * Answers in sentences of the documents: those that have the question's words, are near it in meaning and have something
 * of the kind that it asks for. It never says what no document says; where no sentence comes near enough, it says so.
 */
export class LocalAnswerer {
  readonly #gateway: ModelGateway;

  constructor(gateway: ModelGateway) {
    this.#gateway = gateway;
  }

  /** @throws as `ModelGateway.embed` */
  async answer(call: ModelCall, question: string, { passages, strength }: FoundPassages): Promise<Answer> {
    const language = await detectLanguage(question);
    const chosen = await this.#choose(call, question, passages);
    if (chosen === null) return unknown(language);
    const citations = chosen.sentences.map(citationOf);
    const words = chosen.sentences.map(({ text }) => text).join(' ');
    const isEnglish = language === null || language === 'en';
    return {
      text: chosen.sentences.map(({ text }, i) => `${text} [${i + 1}]`).join(' '),
      confidence: Math.min(1, chosen.score * strength),
      citations,
      followUpQuestions: isEnglish ? followUpQuestions(question, words, passages) : [],
      model: EXTRACTIVE_MODEL,
    };
  }

  async #choose(call: ModelCall, question: string, passages: readonly Passage[]) {
    const asked = readQuestion(question);
    const all = passages.flatMap(sentencesOf);
    const byWords = rankSentences(
      asked,
      all.map((sentence) => judged(sentence, null)),
    );
    const compared = byWords.slice(0, COMPARED).map(({ place }) => all[place] as Sentence);
    if (compared.length === 0) return null;
    const similarities = await this.#similarities(call, question, compared);
    const ranked = rankSentences(
      asked,
      compared.map((sentence, i) => judged(sentence, similarities[i] as number)),
    );
    const best = ranked[0]?.score ?? 0;
    if (best < LEAST_SCORE) return null;
    const sentences: Sentence[] = [];
    for (const { place, score } of ranked) {
      if (sentences.length === SENTENCES_MAX || score < Math.max(LEAST_SCORE, FURTHER_SHARE * best)) break;
      const sentence = compared[place] as Sentence;
      if (isNew(sentence, sentences)) sentences.push(sentence);
    }
    return { sentences: inOrder(sentences), score: best };
  }

  async #similarities(call: ModelCall, question: string, compared: readonly Sentence[]): Promise<number[]> {
    const own = { ...call, operation: 'search' } as const;
    const texts = compared.map(({ passage, text }) => chunkInput(passage.title, text));
    const [query, answers] = await Promise.all([
      this.#gateway.embed(own, { texts: [question], purpose: 'query' }),
      this.#gateway.embed(own, { texts, purpose: 'document' }),
    ]);
    const scale = TUNED_SAME_MEANING / answers.model.traits.sameMeaning;
    const wanted = query.embeddings[0]?.vector ?? new Float32Array();
    return answers.embeddings.map(({ vector }) => Math.min(1, Math.max(0, dot(wanted, vector) * scale)));
  }
}

function unknown(language: string | null): Answer {
  const text = unknownAnswer(language);
  return { text, confidence: 0, citations: [], followUpQuestions: [], model: EXTRACTIVE_MODEL };
}

function sentencesOf(passage: Passage, passageIndex: number): Sentence[] {
  const found: Sentence[] = [];
  const title = passage.title?.replace(/\s+/gu, ' ').trim() ?? '';
  for (const { start, end } of sentences(passage.text, SENTENCE_WORDS)) {
    const from = start + markLength(passage.text.slice(start, end));
    const text = passage.text.slice(from, end).replace(/\s+/gu, ' ').trim();
    // What only names the document says nothing of it.
    if (text === '' || text === title) continue;
    const context = `${title}\n${found.at(-1)?.text ?? ''}`;
    found.push({ passage, passageIndex, start: from, end, text, context });
  }
  return found;
}

/** Of the marks of a list or a heading. */
function markLength(text: string): number {
  return /^(?:[-*•>#]+|\d+[.)])\s+/u.exec(text)?.[0].length ?? 0;
}

function judged({ text, context, passage }: Sentence, similarity: number | null): JudgedSentence {
  return { text, context, similarity, passageScore: passage.score };
}

function isNew({ text }: Sentence, sentences: readonly Sentence[]): boolean {
  const terms = tellingStems(text);
  const characters = sentences.reduce((sum, other) => sum + other.text.length, text.length);
  if (sentences.length > 0 && characters > ANSWER_CHARACTERS) return false;
  return sentences.every((other) => {
    const others = new Set(tellingStems(other.text));
    const shared = terms.filter((term) => others.has(term)).length;
    return shared < SAME_TERMS_SHARE * Math.min(terms.length, others.size);
  });
}

/** As they stand in their documents, those of the better passage first. */
function inOrder(sentences: readonly Sentence[]): Sentence[] {
  const placed = new Map<number, number>();
  for (const { passageIndex } of sentences) if (!placed.has(passageIndex)) placed.set(passageIndex, placed.size);
  const placeOf = ({ passageIndex }: Sentence) => placed.get(passageIndex) as number;
  return sentences.toSorted((left, right) => placeOf(left) - placeOf(right) || left.start - right.start);
}

function citationOf({ passage, start, end }: Sentence): AnswerCitation {
  const span = shortened(passage.text, { start, end });
  const quote = passage.text.slice(span.start, span.end);
  return { documentId: passage.documentId, quote, similarity: passage.similarity ?? 0 };
}

function dot(left: Float32Array, right: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < left.length; i++) sum += (left[i] as number) * (right[i] as number);
  return sum;
}
