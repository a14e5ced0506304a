import type { NewInsight } from '../../../insights/insight.ts';
import { counted, dayOf, listed } from '../../evidence/citation.ts';
import type { CompanyDirectory, DirectoryEntry } from './company-directory.ts';
import { type Graph, type LastContact, type Relationship, type Tie, tieSaid } from './graph.ts';
import type { ToldRelationship } from './output.ts';
import { personKey } from './people.ts';
import { daysSince, warmthOf } from './strength.ts';

/** What their people's texts feel like together, and over how many of them. */
export type Mood = { mean: number; texts: number };

const TIES = 8;
const PEOPLE = 10;
const PATHS = 3;

/** A relationship as it is told, by rules. */
export function toldOf(
  relationship: Relationship,
  entry: DirectoryEntry,
  told: { mood: Mood | null; paths: ToldRelationship['paths']; now: Date; isCold: boolean },
): ToldRelationship {
  const { ties, people, last } = relationship;
  const warmth = warmthOf(
    ties.map(({ strength }) => strength),
    told.mood?.mean ?? null,
  );
  const paths = [...directPaths(ties, entry), ...told.paths].slice(0, PATHS);
  const step = nextStepOf(relationship, entry, { ...told, paths });
  return {
    ...{ companyId: entry.id, company: entry.name, stage: entry.stage, owner: entry.owner, warmth },
    summary: summaryOf(relationship, entry, { ...told, warmth }),
    sentiment: sentimentOf(told.mood),
    lastContact:
      last === null
        ? null
        : {
            ...{ at: last.at, daysAgo: daysSince({ lastAt: last.at }, told.now), by: last.by },
            ...{ direction: last.direction, title: last.title, documentId: last.documentId },
          },
    whoKnowsWhom: ties.slice(0, TIES).map((tie) => ({
      ...{ ours: tie.ours, theirs: tie.theirs, strength: Number(tie.strength.toFixed(3)), direction: tieSaid(tie) },
      ...{ contacts: contactsOf(tie), lastAt: tie.lastAt, documentIds: tie.documentIds },
    })),
    people: people.slice(0, PEOPLE).map(({ key: _, ...person }) => person),
    paths,
    nextStep: step.text,
    nextStepDocumentIds: step.documentIds,
  };
}

function summaryOf(
  { ties, people, last, talk, documents, mentionIds }: Relationship,
  { name }: DirectoryEntry,
  { warmth, mood, now, isCold }: { warmth: number; mood: Mood | null; now: Date; isCold: boolean },
): string {
  const known = new Set(ties.flatMap(({ ours }) => (ours === null ? [] : [ours])));
  const reached = new Set(ties.flatMap(({ ours, theirs }) => (ours === null ? [] : [personKey(theirs)])));
  const [best] = ties;
  if (talk !== null) {
    return `A talk with ${name} is on record, “${talk.title}” of ${dayOf(talk.at)}; the record does not say who of us was there.`;
  }
  if (last === null) {
    const named = documents === mentionIds.length ? 'is named in' : 'has to do with';
    return `None of us is known to have spoken with ${name}; it ${named} ${counted(documents, 'document')}.`;
  }
  const ago = daysAgoSaid(daysSince({ lastAt: last.at }, now));
  return [
    `${isCold ? `${name} has gone cold: warmth ${warmth}` : `Warmth ${warmth}`} of 100.`,
    known.size === 0
      ? `${counted(people.length, 'person', 'people')} there wrote; no answer of ours is documented.`
      : `${listed([...known].slice(0, 3))} ${known.size === 1 ? 'knows' : 'know'} ${counted(reached.size, 'person', 'people')} there.`,
    ...(best === undefined || best.ours === null
      ? []
      : [
          `The strongest tie is ${best.ours} with ${best.theirs} (${counted(contactsOf(best), 'contact')}, ${tieSaid(best)}).`,
        ]),
    ended(`Last contact ${ago}, on ${dayOf(last.at)}: ${lastSaid(last)}`),
    ...(mood === null ? [] : [`Of late what they write is ${SENTIMENT_SAID[sentimentOf(mood)]}.`]),
  ].join(' ');
}

const SENTIMENT_SAID = {
  positive: 'friendly',
  negative: 'unhappy',
  mixed: 'neither friendly nor unhappy',
  unknown: 'not known',
} as const;

export function sentimentOf(mood: Mood | null): ToldRelationship['sentiment'] {
  if (mood === null) return 'unknown';
  if (mood.mean > 0.2) return 'positive';
  return mood.mean < -0.2 ? 'negative' : 'mixed';
}

/** With a stop, where it does not end in the end of a quoted sentence. */
function ended(text: string): string {
  return /[.!?…]”?$/u.test(text) ? text : `${text}.`;
}

function lastSaid({ direction, by, title, opening }: LastContact): string {
  const about = title === opening || opening.startsWith(title.replace(/…$/u, '')) ? `“${opening}”` : `“${title}”`;
  return direction === 'together' ? `we spoke with ${by}, ${about}` : `${by} wrote ${about}`;
}

/** Who should write to whom about what. */
function nextStepOf(
  { ties, last, talk, people }: Relationship,
  { name, owner }: DirectoryEntry,
  { paths, isCold }: { paths: ToldRelationship['paths']; isCold: boolean },
): { text: string; documentIds: string[] } {
  const [best] = ties.filter(({ ours }) => ours !== null);
  if (last === null) {
    const [path] = paths;
    if (path !== undefined)
      return {
        text: `${path.path[0]}: ask ${path.path[1]} for an introduction to ${name}.`,
        documentIds: path.documentIds,
      };
    const [contact] = people;
    if (talk !== null) {
      const text = `${owner ?? 'Someone of us'}: go on with ${contact?.name ?? name} about “${talk.title}” of ${dayOf(talk.at)}.`;
      return { text, documentIds: [talk.documentId] };
    }
    const whom = contact === undefined ? name : `${contact.name} of ${name}`;
    return { text: `${owner ?? 'Someone of us'}: write to ${whom} for the first time.`, documentIds: [] };
  }
  const toward = ties.find(({ ours, theirs }) => ours !== null && personKey(theirs) === personKey(last.by)) ?? best;
  const who = toward?.ours ?? owner ?? 'Someone of us';
  const documentIds = [last.documentId];
  if (last.isUnanswered) {
    return { text: `${who}: answer ${last.by}, who wrote on ${dayOf(last.at)}: “${last.opening}”`, documentIds };
  }
  const whom = toward?.theirs ?? last.by;
  if (isCold) {
    return {
      text: `${who}: write to ${whom} again; the last on record is “${last.title}”, ${dayOf(last.at)}.`,
      documentIds,
    };
  }
  return { text: `${who}: go on with ${whom} about “${last.title}” of ${dayOf(last.at)}.`, documentIds };
}

function directPaths(ties: readonly Tie[], { name }: DirectoryEntry): ToldRelationship['paths'] {
  const [best] = ties.filter(({ ours }) => ours !== null);
  if (best === undefined || best.ours === null) return [];
  const { ours, theirs, documentIds, lastAt } = best;
  const explanation = `${ours} and ${theirs} of ${name} had ${counted(contactsOf(best), 'contact')}, the last on ${dayOf(lastAt)}.`;
  return [{ path: [ours, theirs], explanation, documentIds }];
}

/** Someone of the company whose name stood at a company that we know. */
export function pathsByMove(id: string, graph: Graph, directory: CompanyDirectory): ToldRelationship['paths'] {
  return graph.moved.flatMap(({ name, companyIds }) => {
    if (companyIds.at(-1) !== id) return [];
    return companyIds.flatMap((otherId) => {
      const other = otherId === id ? undefined : graph.relationships.get(otherId);
      const tie = other?.ties.find(({ ours, theirs }) => ours !== null && personKey(theirs) === personKey(name));
      if (tie?.ours == null) return [];
      const where = directory.get(otherId)?.name ?? otherId;
      const explanation = `${tie.ours} knows ${name} from ${where}, where someone of that name had to do with us on ${dayOf(tie.lastAt)}.`;
      return [{ path: [tie.ours, name], explanation, documentIds: tie.documentIds }];
    });
  });
}

/** What a model is told. */
export function factsOf(told: ToldRelationship): string[] {
  return [
    `Company: ${told.company}${told.stage === null ? '' : ` (stage: ${told.stage})`}`,
    `By the rules: ${told.summary}`,
    ...told.whoKnowsWhom.map(
      ({ ours, theirs, contacts, lastAt }) =>
        `${ours ?? 'Nobody of us'} and ${theirs}: ${counted(contacts, 'contact')}, the last on ${dayOf(lastAt)}`,
    ),
    ...told.people.flatMap(({ name, role }) => (role === null ? [] : [`${name} is ${role}`])),
    ...told.paths.map(({ explanation }) => `Path: ${explanation}`),
    `Next step by the rules: ${told.nextStep}`,
  ];
}

/** What is kept of a relationship that has gone cold: once a month. */
export function insightOf(told: ToldRelationship, { buys, now }: { buys: boolean; now: Date }): NewInsight {
  const days = told.lastContact?.daysAgo ?? 0;
  return {
    kind: 'RECOMMENDATION',
    title: `${told.company} has gone cold`.slice(0, 200),
    description: told.summary.slice(0, 4_000),
    confidence: 0.8,
    priority: buys ? 'HIGH' : 'MEDIUM',
    dataPoints: [
      { metric: 'warmth', value: told.warmth, at: now },
      { metric: 'days without contact', value: days, at: now },
    ],
    suggestedActions: [told.nextStep.slice(0, 500)],
    documentIds: [
      ...new Set([
        told.companyId,
        ...told.nextStepDocumentIds,
        ...told.whoKnowsWhom.flatMap(({ documentIds }) => documentIds),
      ]),
    ].slice(0, 50),
    key: `cold ${told.companyId} ${now.toISOString().slice(0, 7)}`,
  };
}

export function contactsOf({ inbound, outbound, together }: Tie): number {
  return inbound + outbound + together;
}

function daysAgoSaid(days: number): string {
  return days === 0 ? 'today' : `${counted(days, 'day')} ago`;
}
