import { tellingStems } from '../../../conversations/answering/question.ts';
import { DOCUMENT_KINDS, type Document } from '../../../documents/document.ts';
import { phrasesOf, withoutNoise, wordRuns } from '../../../themes/phrases.ts';
import type { AgentTools } from '../../agent-tools.ts';
import type { AgentRunContext } from '../../agent-type.ts';
import { type AskedQuestion, type FrequentQuestion, mostAsked, questionsIn } from '../../evidence/asked-questions.ts';
import { counted, dayOf } from '../../evidence/citation.ts';
import { documentSentences } from '../../evidence/document-sentences.ts';
import { jsonShaped } from '../../evidence/json-shaped.ts';

/** Something worth writing about; plain JSON. */
export interface Topic {
  topic: string | null;
  companyId: string | null;
  /** Why, as a sentence without its stop. */
  why: string;
}

/** A phrase of recent documents. */
interface Phrase {
  text: string;
  documents: number;
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
/** What people do about what others speak of. */
const WORK: ReadonlySet<string> = new Set(['COMMIT', 'PULL_REQUEST', 'JIRA_ISSUE']);
/** How much and how long is no topic. */
const QUANTITY =
  /\p{N}|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|fifteen|twenty|thirty|forty|fifty|ninety|hundreds?|thousands?|millions?|half|seconds?|minutes?|hours?|days?|weeks?|months?|years?|times?|morning|evening|night|yesterday|today|tomorrow)\b/iu;
const TOPICS_OF_KIND = 20;

/** What the workspace gives reason to write about: by turns the strongest signals, what many speak of, what is most asked. */
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
  let after: string | null = null;
  const filter = { kinds: DOCUMENT_KINDS.filter((kind) => kind !== 'COMPANY'), createdAfter: options.after };
  for (let page = 0; page < PAGES; page++) {
    const from: string | null = after;
    const name = `look for topics in documents ${page * DOCUMENTS_OF_PAGE + 1}–${(page + 1) * DOCUMENTS_OF_PAGE}`;
    const read: PageOfTopics = await run.step(name, async () => {
      const listed = await run.tools.listDocuments({ filter, after: from, first: DOCUMENTS_OF_PAGE });
      return jsonShaped(topicsOfPage(listed));
    });
    for (const { key, text, documents: count } of read.phrases) {
      phrases.set(key, { text, documents: (phrases.get(key)?.documents ?? 0) + count });
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
  last: string | null;
}

async function strongestSignals(tools: AgentTools): Promise<Topic[]> {
  const { signals } = await tools.listSignals({ first: SIGNALS });
  const best = signals
    .toSorted((left, right) => STRENGTHS.indexOf(left.strength) - STRENGTHS.indexOf(right.strength))
    .filter((signal, i, all) => all.findIndex(({ companyId }) => companyId === signal.companyId) === i)
    .slice(0, TOPICS_OF_KIND);
  const companies = await tools.readDocuments(best.map(({ companyId }) => companyId));
  return best.flatMap(({ companyId, type, detectedAt }) => {
    const company = companies.find(({ id }) => id === companyId)?.title ?? null;
    const name = type.toLowerCase().replaceAll('_', ' ');
    const why = `${company} has an active signal, ${name} of ${dayOf(detectedAt)}`;
    return company === null ? [] : [{ topic: name, companyId, why }];
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
        if (wordCount > 1 && !isName(surface) && !QUANTITY.test(surface)) own.set(key, surface);
      }
    }
    for (const [key, surface] of own) {
      const known = phrases.get(key);
      if (known === undefined) phrases.set(key, { key, text: surface.toLowerCase(), documents: 1 });
      else known.documents += 1;
    }
  }
  const most = [...phrases.values()].sort(
    (left, right) => right.documents - left.documents || (left.key < right.key ? -1 : 1),
  );
  const questions = documents.filter(({ kind }) => kind === 'FEEDBACK' || kind === 'MESSAGE').flatMap(questionsIn);
  return {
    phrases: most.slice(0, PHRASES_OF_PAGE),
    questions: questions.slice(-QUESTIONS_OF_PAGE),
    count: documents.length,
    last: documents.at(-1)?.id ?? null,
  };
}

/** Of a person, a company, a product: written with capitals throughout. */
function isName(surface: string): boolean {
  return surface.split(' ').every((word) => /^[\p{Lu}\p{N}]/u.test(word));
}

function themesOf(phrases: readonly Phrase[]): Topic[] {
  return phrases
    .filter(({ documents }) => documents >= THEME_DOCUMENTS)
    .toSorted((left, right) => right.documents - left.documents || (left.text < right.text ? -1 : 1))
    .slice(0, TOPICS_OF_KIND)
    .map(({ text, documents }) => ({
      topic: text,
      companyId: null,
      why: `${counted(documents, 'recent document')} speak of it`,
    }));
}

function topicOfQuestion({ text, times, title }: FrequentQuestion): Topic {
  return { topic: text, companyId: null, why: `it was asked ${times} times, last in “${title}”` };
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
