import { listed } from '../../evidence/citation.ts';
import type { Judgement } from './judgement.ts';
import { isOver } from './judgement.ts';
import type { SeriesFinding } from './look-through.ts';

const TITLE_MAX = 200;

/** `Sign-ups fell 41 % on 3 November`: what a manager reads first. */
export function titleOf(finding: SeriesFinding): string {
  const { shape, from, value, expected } = finding;
  const isUp = value > expected;
  const name = nameOf(finding);
  const amount = amountOf(finding);
  if (shape === 'point') return cut(`${name} ${isUp ? 'rose' : 'fell'} ${amount.moved} ${onStep(finding)}`);
  if (shape === 'trend') return cut(`${name} trending ${isUp ? 'up' : 'down'}: ${amount.now} since ${dayOf(from)}`);
  return cut(`${name} ${amount.stands} ${isOver(finding) ? spanOf(finding) : `since ${momentOf(finding, from)}`}`);
}

/** The numbers, what they are compared with, what moved along, and how sure it is. */
export function descriptionOf(finding: SeriesFinding): string {
  return [comparisonOf(finding), movesOf(finding), surenessOf(finding)].filter((part) => part !== '').join(' ');
}

/** The name of the series as a title has it. */
export function nameOf({ series, label }: Pick<SeriesFinding, 'series' | 'label'>): string {
  const said = label === series ? series.replaceAll('_', ' ').trim() || series : label.replace(/ a day(?= |$)/u, '');
  return `${said.charAt(0).toUpperCase()}${said.slice(1)}`;
}

/** What to do, the most specific first. */
export function actionsOf(finding: SeriesFinding, { isBad }: Judgement): string[] {
  const { movedWithIt, shape, value, expected } = finding;
  const name = nameOf(finding).toLowerCase();
  const when = shape === 'point' ? onStep(finding) : isOver(finding) ? spanOf(finding) : `since ${dayOf(finding.from)}`;
  const part = movedWithIt[0];
  const actions =
    part === undefined ? [] : [`Look at ${part.label} first: it makes up ${percent(part.share)} of the change.`];
  actions.push(
    causeOf(finding, when) ?? `Compare what was released, changed or announced ${when} with the change in ${name}.`,
  );
  if (value <= 0 && expected > 0)
    actions.unshift(`Check first whether this is a gap in the measurement of ${name} ${when}.`);
  if (!isBad) actions.push(`Find out what caused it ${when}, so that it can be repeated.`);
  return actions;
}

/** Where to look, of the workspace’s own series: what a metric from elsewhere counts, nobody here knows. */
function causeOf({ series, label, value, expected }: SeriesFinding, when: string): string | null {
  if (label === series) return null;
  const isUp = value > expected;
  if (series.startsWith('cost') || series === 'tokens') {
    return isUp
      ? `Compare usage by model and API key ${when} with the days before, and set a budget alert.`
      : `Check that what calls models still runs: look at the usage by API key ${when}.`;
  }
  if (series.startsWith('usage')) {
    return `Look at the usage by operation and API key ${when} for ${isUp ? 'what began to call' : 'what stopped calling'}.`;
  }
  if (series === 'errors' || series === 'latency') {
    return `Look at the health of the integrations ${when}, and add a fallback model where one is slow or failing.`;
  }
  if (series.startsWith('sentiment')) return `Read the most negative documents ${when} and name the cause.`;
  if (/^(?:documents$|collection:|kind:|class:|theme:)/u.test(series)) {
    return isUp
      ? `Read the documents that came in ${when} and see what they have in common.`
      : `Check that the sources delivered ${when}: imports, and whatever else sends documents.`;
  }
  return null;
}

function comparisonOf(finding: SeriesFinding): string {
  const { shape, value, expected, spacing } = finding;
  const isUp = value > expected;
  const change = finding.change === null ? '' : ` (${percent(Math.abs(finding.change))} ${isUp ? 'more' : 'less'})`;
  const name = nameOf(finding);
  if (shape === 'point') {
    return `${name}: ${said(value)} ${onStep(finding)}, where about ${said(expected)} was to be expected${change}.`;
  }
  if (shape === 'trend') {
    return `${name}: from about ${said(expected)} a ${spacing} at the beginning (${dayOf(finding.from)}) to about ${said(value)} now${change}, steadily rather than at once.`;
  }
  const when = isOver(finding) ? spanOf(finding) : `since ${momentOf(finding, finding.from)}`;
  const after = isOver(finding) ? ' Since then it is as before.' : '';
  return `${name}: ${said(value)} a ${spacing} on average ${when}, where about ${said(expected)} was usual before${change}.${after}`;
}

function movesOf({ movedWithIt }: SeriesFinding): string {
  if (movedWithIt.length === 0) return '';
  const moves = movedWithIt.map(
    ({ label, share, value, expected }) =>
      `${label} (from ${said(expected)} to ${said(value)}, ${percent(share)} of it)`,
  );
  return `What moved with it: ${listed(moves)}.`;
}

function surenessOf({ chance }: SeriesFinding): string {
  const oneIn = Math.round(1 / Math.max(chance, 1e-6));
  const rarity = oneIn >= 1_000 ? 'fewer than 1 in 1,000' : `about 1 in ${oneIn.toLocaleString('en-US')}`;
  return `Chance alone brings the like in ${rarity} such series.`;
}

/** How much, as it follows `fell`, `trending down:` and the name alone. */
function amountOf({ change, value, expected }: SeriesFinding): { moved: string; now: string; stands: string } {
  const way = value > expected ? 'higher' : 'lower';
  if (change === null) {
    const difference = said(Math.abs(value - expected));
    return { moved: `by ${difference}`, now: `by ${difference}`, stands: `${difference} ${way}` };
  }
  if (value === 0) return { moved: 'to zero', now: 'to zero', stands: 'at zero' };
  if (change > 2) {
    const times = `${said(Math.round((change + 1) * 10) / 10)} times`;
    return { moved: `to ${times} the usual`, now: `to ${times} as much`, stands: `at ${times} the usual` };
  }
  const share = percent(Math.abs(change));
  return { moved: share, now: share, stands: `${share} ${way}` };
}

function onStep(finding: SeriesFinding): string {
  const { spacing, from } = finding;
  if (spacing === 'hour') return `on ${momentOf(finding, from)}`;
  if (spacing === 'week') return `in the week of ${dayOf(from)}`;
  if (spacing === 'month')
    return `in ${from.toLocaleString('en-GB', { month: 'long', year: 'numeric', timeZone: 'UTC' })}`;
  return `on ${dayOf(from)}`;
}

function spanOf({ from, until }: SeriesFinding): string {
  return `from ${dayOf(from)} to ${dayOf(new Date(until.getTime() - 1))}`;
}

function momentOf({ spacing }: SeriesFinding, at: Date): string {
  return spacing === 'hour' ? `${dayOf(at)} at ${at.toISOString().slice(11, 16)}` : dayOf(at);
}

export function dayOf(at: Date): string {
  return at.toLocaleString('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' });
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** Three digits that count. */
export function said(value: number): string {
  if (value === 0) return '0';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toLocaleString('en-US', { maximumFractionDigits: Math.min(digits, 8) });
}

function cut(title: string): string {
  return title.length <= TITLE_MAX ? title : `${title.slice(0, TITLE_MAX - 1)}…`;
}
