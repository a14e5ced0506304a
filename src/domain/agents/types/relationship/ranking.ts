import type { CompanyDirectory } from './company-directory.ts';
import type { RelationshipConfiguration } from './configuration.ts';
import type { Graph, Relationship } from './graph.ts';
import type { RelationshipOutput } from './output.ts';
import { personKey } from './people.ts';
import { daysSince, strengthOf, warmthOf } from './strength.ts';

/** A relationship that had at least so much warmth on the day of its last contact was one. */
const WAS_WARM = 30;
const CONNECTORS = 10;
const STRONGEST = 5;

/** The warmest, without those that have ended. */
export function warmest(graph: Graph, directory: CompanyDirectory, top: number): Relationship[] {
  return [...graph.relationships.values()]
    .filter(({ companyId, last }) => last !== null && directory.get(companyId)?.outcome !== 'GONE')
    .map((each) => ({ each, warmth: warmth(each) }))
    .sort((left, right) => right.warmth - left.warmth || (left.each.companyId < right.each.companyId ? -1 : 1))
    .slice(0, top)
    .map(({ each }) => each);
}

/** Those without a contact for long that were warm when they last had one, the warmest that were first. */
export function goneCold(
  graph: Graph,
  directory: CompanyDirectory,
  run: { configuration: Pick<RelationshipConfiguration, 'coldAfterDays' | 'top'>; requestedAt: Date },
): Relationship[] {
  const { coldAfterDays, top } = run.configuration;
  return [...graph.relationships.values()]
    .filter(({ companyId }) => directory.get(companyId)?.outcome !== 'GONE')
    .filter(({ last }) => last !== null && daysSince({ lastAt: last.at }, run.requestedAt) >= coldAfterDays)
    .map((each) => ({ each, was: warmthThen(each) }))
    .filter(({ was }) => was >= WAS_WARM)
    .sort((left, right) => right.was - left.was || (left.each.companyId < right.each.companyId ? -1 : 1))
    .slice(0, top)
    .map(({ each }) => each);
}

/** Who of us knows most companies. */
export function connectorsOf(graph: Graph, directory: CompanyDirectory): RelationshipOutput['connectors'] {
  const known = new Map<string, { name: string; companies: Map<string, number> }>();
  for (const { companyId, ties } of graph.relationships.values()) {
    for (const { ours, strength } of ties) {
      if (ours === null) continue;
      const person = known.get(personKey(ours)) ?? { name: ours, companies: new Map<string, number>() };
      person.companies.set(companyId, Math.max(strength, person.companies.get(companyId) ?? 0));
      known.set(personKey(ours), person);
    }
  }
  return [...known.values()]
    .sort((left, right) => right.companies.size - left.companies.size || (left.name < right.name ? -1 : 1))
    .slice(0, CONNECTORS)
    .map(({ name, companies }) => ({
      name,
      companies: companies.size,
      strongest: [...companies]
        .sort(([left, more], [right, less]) => less - more || (left < right ? -1 : 1))
        .slice(0, STRONGEST)
        .map(([id]) => directory.get(id)?.name ?? id),
    }));
}

function warmth({ ties }: Relationship): number {
  return warmthOf(
    ties.map(({ strength }) => strength),
    null,
  );
}

/** As it was on the day of the last contact. */
function warmthThen({ ties, last }: Relationship): number {
  const then = new Date(last?.at ?? 0);
  return warmthOf(
    ties.map((tie) => strengthOf(tie, then)),
    null,
  );
}
