import { type Citation, clipped, dayOf } from '../../evidence/citation.ts';
import { companyNames, mentions } from '../../evidence/company-names.ts';
import { type Brief, type DraftText, type Fact, type Form, type Tone, wordCount } from './draft.ts';

const OPENING: Readonly<Record<Tone, string>> = {
  neutral: 'I am writing about',
  friendly: 'I wanted to get in touch about',
  formal: 'I am writing to you regarding',
  enthusiastic: 'I am glad to write to you about',
};
const CALL: Readonly<Record<Tone, string>> = {
  neutral: 'Could we talk about this in the coming week? Two times that suit you are enough.',
  friendly: 'Shall we have a quick call this week? Just tell me when it suits you.',
  formal: 'We would welcome the opportunity to discuss this with you, and ask you to propose a date.',
  enthusiastic: 'I would love to show you what is possible: when do you have half an hour this week?',
};
const CLOSING: Readonly<Record<Tone, string>> = {
  neutral: 'Kind regards,',
  friendly: 'All the best,',
  formal: 'Yours sincerely,',
  enthusiastic: 'Looking forward to it,',
};
const CHANGES: ReadonlySet<string> = new Set(['PULL_REQUEST', 'COMMIT']);
const VOICES: ReadonlySet<string> = new Set(['FEEDBACK', 'MESSAGE']);
const TITLE_CHARACTERS = 120;

/** A heading with the facts that stand below it. */
interface Section {
  heading: string;
  facts: Fact[];
}

/** A first draft in sentences of the documents, within a frame that the form gives; at most so many words of facts. */
export function extractiveDraft(brief: Brief, facts: readonly Fact[]): DraftText {
  const told = withinWords(facts, brief.words);
  const sections = sectionsOf(brief, told).filter((section) => section.facts.length > 0);
  const citations: Citation[] = [];
  // A letter to all customers names none of them.
  const isNaming = brief.form !== 'email' || brief.company !== null;
  const line = (fact: Fact) => `- ${attributed(fact, isNaming)} [${citations.push(fact.citation)}]`;
  const body = FRAMES[brief.form](
    brief,
    sections.map(({ heading, facts: own }) => [heading, ...own.map(line)].join('\n')),
  );
  return {
    title: titleOf(brief),
    outline: sections.map(({ heading, facts: own }) => `${heading} (${own.length})`),
    body,
    citations,
    toCheck: [],
    citationsDropped: 0,
    note: 'A first draft without a model that writes: its facts are sentences of documents, word for word, and what stands around them is a template in English. Put the facts in your own words, and remove what the reader should not see, such as names of others.',
  };
}

const FRAMES: Readonly<Record<Form, (brief: Brief, sections: string[]) => string>> = {
  email: (brief, sections) =>
    [
      brief.company === null ? 'Hello,' : `Hello ${brief.company.name} team,`,
      `${OPENING[brief.tone]} ${subjectOf(brief)}.`,
      ...sections,
      CALL[brief.tone],
      `${CLOSING[brief.tone]}\n(your name)`,
    ].join('\n\n'),
  post: (brief, sections) =>
    [
      `# ${titleOf(brief)}`,
      `For ${brief.audience}: what we have heard and done about ${subjectOf(brief)}.`,
      ...sections,
      `Do you see it differently, or do you need something else? Tell us.`,
    ].join('\n\n'),
  memo: (brief, sections) =>
    [
      `To: ${brief.audience}\nDate: ${dayOf(brief.today)}\nSubject: ${titleOf(brief)}`,
      `This memo collects what the documents say about ${subjectOf(brief)}.`,
      ...sections,
      'Next step\n- Decide who takes this on, and by when.',
    ].join('\n\n'),
  'release-note': (brief, sections) =>
    [`# ${titleOf(brief)}`, ...sections, 'Questions about this change? Reply to this note, and we will help.'].join(
      '\n\n',
    ),
};

function sectionsOf({ form, company }: Pick<Brief, 'form' | 'company'>, all: readonly Fact[]): Section[] {
  const answers = company === null ? [] : all.filter((fact) => isAnswer(fact, company));
  const facts = all.filter((fact) => !answers.includes(fact));
  const asked = facts.filter(({ asks }) => asks);
  const told = facts.filter(({ asks }) => !asks);
  const voices = told.filter(({ kind }) => VOICES.has(kind));
  const changes = told.filter(({ kind }) => CHANGES.has(kind));
  const work = told.filter(({ kind }) => kind === 'JIRA_ISSUE');
  const others = told.filter(({ kind }) => !VOICES.has(kind) && !CHANGES.has(kind) && kind !== 'JIRA_ISSUE');
  if (form === 'email') {
    return [
      { heading: 'What we heard:', facts: voices },
      { heading: 'What was answered:', facts: answers },
      { heading: 'What we have done:', facts: changes },
      { heading: 'What we are working on:', facts: work },
      { heading: 'What we know:', facts: others },
      { heading: 'What you asked:', facts: asked },
    ];
  }
  if (form === 'release-note') {
    return [
      { heading: 'What has changed', facts: changes },
      { heading: 'Worked on', facts: work },
      { heading: 'Why', facts: voices },
      { heading: 'Good to know', facts: [...others, ...answers, ...asked] },
    ];
  }
  return [
    { heading: 'In short', facts: told.slice(0, 1) },
    { heading: 'What people say', facts: voices.filter((fact) => fact !== told[0]) },
    { heading: 'What was answered', facts: answers },
    { heading: 'What was done', facts: changes.filter((fact) => fact !== told[0]) },
    { heading: 'What is worked on', facts: work.filter((fact) => fact !== told[0]) },
    { heading: 'Background', facts: others.filter((fact) => fact !== told[0]) },
    { heading: 'Open questions', facts: asked },
  ];
}

/** What somebody of another organisation wrote to the company: it is no voice of theirs. */
function isAnswer({ kind, by }: Fact, company: NonNullable<Brief['company']>): boolean {
  const hasOrganisation = by !== null && /[(,@|–—]/u.test(by);
  return kind === 'MESSAGE' && hasOrganisation && !isNamed(by, company);
}

function isNamed(text: string, { id, name }: NonNullable<Brief['company']>): boolean {
  return mentions(text, companyNames({ id, externalId: null, title: name, text: '' }));
}

function attributed({ text, kind, by, citation }: Fact, isNaming: boolean): string {
  const who = by === null || !isNaming ? '' : `${by}, `;
  return VOICES.has(kind) ? `“${text}” (${who}${dayOf(citation.at)})` : text;
}

function withinWords(facts: readonly Fact[], words: number): Fact[] {
  const kept: Fact[] = [];
  let count = 0;
  for (const fact of facts) {
    count += wordCount(fact.text);
    if (count > words && kept.length > 0) break;
    kept.push(fact);
  }
  return kept;
}

function titleOf(brief: Brief): string {
  const subject = subjectOf({ ...brief, subject: null });
  return clipped(subject.charAt(0).toUpperCase() + subject.slice(1), TITLE_CHARACTERS);
}

/** What it is about, as it goes on a sentence. */
function subjectOf({ topic, subject, company, form }: Brief): string {
  const about = subject ?? topic?.replace(/[.?!\s]+$/u, '') ?? null;
  if (about === null) {
    if (company === null) return 'what is new';
    return form === 'email' ? 'what you told us' : `what is new at ${company.name}`;
  }
  return company === null || isNamed(about, company) ? about : `${about} at ${company.name}`;
}
