import { tellingStems } from '../../../conversations/answering/question.ts';
import { DOCUMENT_KINDS, type Document } from '../../../documents/document.ts';
import type { SignalType } from '../../../insights/signal.ts';
import { phrasesOf, withoutNoise, wordRuns } from '../../../themes/phrases.ts';
import type { AgentTools, DocumentPlace } from '../../agent-tools.ts';
import type { AgentRunContext } from '../../agent-type.ts';
import { SIGNAL_LABELS } from '../../companies/company-signal.ts';
import { type AskedQuestion, type FrequentQuestion, mostAsked, questionsIn } from '../../evidence/asked-questions.ts';
import { counted, dayOf } from '../../evidence/citation.ts';
import { documentSentences } from '../../evidence/document-sentences.ts';
import { placeOf } from '../../evidence/evidence-document.ts';
import { jsonShaped } from '../../evidence/json-shaped.ts';

/** Something worth writing about; plain JSON. */
export interface Topic {
  topic: string | null;
  /** The topic as it goes on a sentence: `the new funding`, `“slot system”`; null: as it is. */
  subject: string | null;
  companyId: string | null;
  /** What the company shows that it is about; null: no signal. */
  signalType: SignalType | null;
  /** Why, as a sentence without its stop. */
  why: string;
}

/** A phrase of recent documents. */
interface Phrase {
  text: string;
  documents: number;
  /** Those of them in which people speak for themselves. */
  voices: number;
}

const DOCUMENTS_OF_PAGE = 500;
const PAGES = 4;
const PHRASES_OF_PAGE = 200;
const QUESTIONS_OF_PAGE = 100;
const SIGNALS = 200;
/** Documents of which a phrase makes a theme. */
const THEME_DOCUMENTS = 3;
const READ_SENTENCES = 12;
const STRENGTHS = ['VERY_STRONG', 'STRONG', 'MODERATE', 'WEAK'];
const TIMES_ASKED = 2;
/** What a company can be written to about, by what it shows; of the others it would rather not know that we know. */
const SUBJECTS: Partial<Record<SignalType, string>> = {
  FUNDING_ROUND: 'the new funding',
  EXECUTIVE_CHANGE: 'the change of leadership',
  JOB_POSTING: 'the new positions',
  TECHNOLOGY_ADOPTION: 'the new technology',
  EXPANSION: 'the expansion',
};
/** In which people speak for themselves. */
const VOICES: ReadonlySet<string> = new Set(['FEEDBACK', 'MESSAGE']);
/** What people do about what others speak of. */
const WORK: ReadonlySet<string> = new Set(['COMMIT', 'PULL_REQUEST', 'JIRA_ISSUE']);
/** "Chest in level", "delivery to mainland": words of a sentence rather than the name of something, as "terms of service" is. */
const JOINED = / (?:to|in|for|with|on|de|du|des|di|da|do|del|von|für|zu|av) /iu;
/** How much and how long is no topic. */
const QUANTITY =
  /\p{N}|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty|thirty|forty|fifty|ninety|hundreds?|thousands?|millions?|half|seconds?|minutes?|hours?|days?|weeks?|months?|years?|times?|morning|evening|night|yesterday|today|tomorrow)\b/iu;
const TOPICS_OF_KIND = 20;

/**
 * What the workspace gives reason to write about: by turns the strongest signals, what many speak of (customers before
 * others), what is most asked.
 */
export async function chooseTopics(
  run: Pick<AgentRunContext<unknown, unknown>, 'step' | 'tools'>,
  options: { after: Date; limit: number },
): Promise<{ topics: Topic[]; documents: number; left: number }> {
  const { signals } = await run.step('look at the strongest signals', async () =>
    jsonShaped({ signals: await strongestSignals(run.tools) }),
  );
  const phrases = new Map<string, Phrase>();
  const questions: AskedQuestion[] = [];
  let documents = 0;
  let after: DocumentPlace | null = null;
  const filter = { kinds: DOCUMENT_KINDS.filter((kind) => kind !== 'COMPANY'), createdAfter: options.after };
  for (let page = 0; page < PAGES; page++) {
    const from: DocumentPlace | null = after;
    const name = `look for topics in documents ${page * DOCUMENTS_OF_PAGE + 1}–${(page + 1) * DOCUMENTS_OF_PAGE}`;
    const read: PageOfTopics = await run.step(name, async () => {
      const listed = await run.tools.listNewest({ filter, after: from, first: DOCUMENTS_OF_PAGE });
      return jsonShaped(topicsOfPage(listed));
    });
    for (const { key, text, documents: count, voices } of read.phrases) {
      const known = phrases.get(key) ?? { documents: 0, voices: 0 };
      phrases.set(key, { text, documents: known.documents + count, voices: known.voices + voices });
    }
    questions.push(...read.questions);
    documents += read.count;
    after = read.last;
    if (read.count < DOCUMENTS_OF_PAGE) break;
  }
  const asked = mostAsked(questions).filter(({ times }) => times >= TIMES_ASKED);
  const topics = distinct(inTurns([signals, themesOf([...phrases.values()]), asked.map(topicOfQuestion)]));
  return { topics: topics.slice(0, options.limit), documents, left: Math.max(0, topics.length - options.limit) };
}

/** What a page of documents gives. */
interface PageOfTopics {
  phrases: (Phrase & { key: string })[];
  questions: AskedQuestion[];
  count: number;
  last: DocumentPlace | null;
}

async function strongestSignals(tools: AgentTools): Promise<Topic[]> {
  const { signals } = await tools.listSignals({ first: SIGNALS });
  const best = signals
    .toSorted((left, right) => STRENGTHS.indexOf(left.strength) - STRENGTHS.indexOf(right.strength))
    .filter(({ type }) => SUBJECTS[type] !== undefined)
    .filter((signal, i, all) => all.findIndex(({ companyId }) => companyId === signal.companyId) === i)
    .slice(0, TOPICS_OF_KIND);
  const companies = await tools.readDocuments(best.map(({ companyId }) => companyId));
  return best.flatMap(({ companyId, type, detectedAt }) => {
    const company = companies.find(({ id }) => id === companyId)?.title ?? null;
    const subject = SUBJECTS[type];
    if (company === null || subject === undefined) return [];
    const why = `${company} shows ${SIGNAL_LABELS[type]}, by a signal of ${dayOf(detectedAt)}`;
    return [{ topic: subject, subject, companyId, signalType: type, why }];
  });
}

function topicsOfPage(documents: readonly Document[]): PageOfTopics {
  const phrases = new Map<string, Phrase & { key: string }>();
  for (const document of documents.filter(({ kind }) => !WORK.has(kind))) {
    const sentences = documentSentences(document).slice(0, READ_SENTENCES);
    const text = [document.title ?? '', ...sentences.map((sentence) => sentence.text)].join('\n');
    const own = new Map<string, string>();
    for (const run of wordRuns(withoutNoise(text))) {
      for (const { key, surface, wordCount } of phrasesOf(run, () => true)) {
        if (wordCount > 1 && !isName(surface) && !QUANTITY.test(surface) && !JOINED.test(surface))
          own.set(key, surface);
      }
    }
    for (const [key, surface] of own) {
      const phrase = phrases.get(key) ?? { key, text: uncapitalised(surface), documents: 0, voices: 0 };
      phrase.documents += 1;
      if (VOICES.has(document.kind)) phrase.voices += 1;
      phrases.set(key, phrase);
    }
  }
  const most = [...phrases.values()].sort(
    (left, right) => right.voices - left.voices || right.documents - left.documents || (left.key < right.key ? -1 : 1),
  );
  const questions = documents.filter(({ kind }) => VOICES.has(kind)).flatMap(questionsIn);
  return {
    phrases: most.slice(0, PHRASES_OF_PAGE),
    questions: questions.slice(0, QUESTIONS_OF_PAGE),
    count: documents.length,
    last: placeOf(documents.at(-1)),
  };
}

/** Within a sentence; what is written in capitals stays so: "export to SAP". */
function uncapitalised(surface: string): string {
  return surface.replace(/\S+/gu, (word) => (/\p{Lu}.*\p{Lu}/u.test(word) ? word : word.toLowerCase()));
}

/** Of a person, a company, a product: written with capitals throughout. */
function isName(surface: string): boolean {
  return surface.split(' ').every((word) => /^[\p{Lu}\p{N}]/u.test(word));
}

function themesOf(phrases: readonly Phrase[]): Topic[] {
  return phrases
    .filter(({ documents }) => documents >= THEME_DOCUMENTS)
    .toSorted(
      (left, right) =>
        right.voices - left.voices || right.documents - left.documents || (left.text < right.text ? -1 : 1),
    )
    .slice(0, TOPICS_OF_KIND)
    .map(({ text, documents }) => ({
      ...{ topic: text, subject: `“${text}”`, companyId: null, signalType: null },
      why: `${counted(documents, 'recent document')} speak of it`,
    }));
}

function topicOfQuestion({ text, times, title }: FrequentQuestion): Topic {
  const subject = questionSaid(text);
  return {
    ...{ topic: text, subject, companyId: null, signalType: null },
    why: `it was asked ${times} times, last in “${title}”`,
  };
}

/** A question as it goes on a sentence. */
export function questionSaid(question: string): string {
  return `the question “${question}”`;
}

function inTurns(lists: readonly (readonly Topic[])[]): Topic[] {
  const longest = Math.max(...lists.map((list) => list.length));
  return Array.from({ length: longest }, (_, place) => lists.flatMap((list) => list[place] ?? [])).flat();
}

/** Without those that share a telling word with one before: "driver texts", "texts to drivers". */
function distinct(topics: readonly Topic[]): Topic[] {
  const used = new Set<string>();
  return topics.filter(({ topic, companyId }) => {
    const stems = companyId === null ? tellingStems(topic ?? '') : [companyId];
    const isNew = stems.every((term) => !used.has(term));
    for (const term of stems) used.add(term);
    return isNew;
  });
}
