import type { BudgetWindow } from '../usage/budget.ts';
import { LIMIT_WINDOW_DAYS, type LimitedMeter } from '../usage/tiers.ts';

/** How urgent it is; the values of the API's `AlertLevel`. */
export type AlertLevel = 'WARNING' | 'CRITICAL';

/** How much of a limit has to be used for an alert of each level, in percent; the lower one first. */
export const ALERT_PERCENT: Readonly<Record<AlertLevel, number>> = { WARNING: 80, CRITICAL: 95 };

/** What an alert is about. */
export interface AlertSubject {
  source: 'BUDGET' | 'METER';
  /** Of a budget: `WORKSPACE_SUBJECT` or the id of an API key. Of a meter: its name. */
  subject: string;
  /** How long the limit holds; `SLIDING` for a meter's last 30 days. */
  window: BudgetWindow | 'SLIDING';
}

/** How much of a limit is used now. */
export interface LimitReading extends AlertSubject {
  workspaceId: string;
  /** First day of the budget's period, as `YYYY-MM-DD`; of a meter, whose days slide: today. */
  startsOn: string;
  /** Exact decimal, above 0: US dollars of a budget, a count of a meter. */
  limitAmount: string;
  usedAmount: string;
  /** Cut to two places, so that 79.999 is not yet 80. */
  percent: number;
}

/** What was measured when a limit had come so far. */
export interface Alert extends LimitReading {
  /** Ids sort by age. */
  id: string;
  /** Grows with every alert of the workspace, in the order in which they became visible. */
  seq: number;
  level: AlertLevel;
  raisedAt: Date;
  acknowledgedAt: Date | null;
  /** What people call the key whose budget it is; null for every other alert. */
  apiKeyName: string | null;
}

/** An alert that holds its level: no other is raised until it has ended. */
export interface StandingAlert extends AlertSubject {
  workspaceId: string;
  id: string;
  level: AlertLevel;
  startsOn: string;
}

/** What has to be written so that what stands is what the readings say. */
export interface AlertChanges {
  /** Ids of alerts whose level is armed again. */
  ended: string[];
  raised: (LimitReading & { level: AlertLevel })[];
}

/**
 * Compares one workspace's readings with what stands. An alert stands as long as its limit is used that far and, of a
 * budget, its period lasts; while it stands, its level is not raised again.
 */
export function alertChanges(readings: readonly LimitReading[], standing: readonly StandingAlert[]): AlertChanges {
  const bySubject = new Map(readings.map((reading) => [keyOf(reading), reading]));
  const stillStanding = new Set<string>();
  const ended: string[] = [];
  for (const alert of standing) {
    const reading = bySubject.get(keyOf(alert));
    const holds = reading !== undefined && reachesLevel(reading, alert.level) && isSamePeriod(reading, alert);
    if (holds) stillStanding.add(`${alert.level} ${keyOf(alert)}`);
    else ended.push(alert.id);
  }
  const raised = readings.flatMap((reading) =>
    (Object.keys(ALERT_PERCENT) as AlertLevel[])
      .filter((level) => reachesLevel(reading, level) && !stillStanding.has(`${level} ${keyOf(reading)}`))
      .map((level) => ({ ...reading, level })),
  );
  return { ended, raised };
}

function reachesLevel({ percent }: LimitReading, level: AlertLevel): boolean {
  return percent >= ALERT_PERCENT[level];
}

function isSamePeriod(reading: LimitReading, alert: StandingAlert): boolean {
  return reading.source === 'METER' || reading.startsOn === alert.startsOn;
}

function keyOf({ source, subject, window }: AlertSubject): string {
  return `${source} ${window} ${subject}`;
}

/** What is rung when a workspace has a new alert. */
export function alertTopic(workspaceId: string): string {
  return `alerts/${workspaceId}`;
}

/** What an alert is about, for programs: `budget/workspace/DAY`, `budget/key_…/MONTH`, `meter/EMBEDDINGS`. */
export function subjectOf({ source, subject, window }: AlertSubject): string {
  return source === 'METER' ? `meter/${subject}` : `budget/${subject === '' ? 'workspace' : subject}/${window}`;
}

const METER_LABELS: Readonly<Record<LimitedMeter, string>> = { EMBEDDINGS: 'embeddings', LLM_CALLS: 'LLM calls' };

/** The same for people, with what was measured. */
export function messageOf(alert: Alert): string {
  const { source, subject, window, limitAmount, usedAmount, percent } = alert;
  if (source === 'METER') {
    const label = METER_LABELS[subject as LimitedMeter] ?? subject;
    const [used, limit] = [usedAmount, limitAmount].map((count) => Number(count).toLocaleString('en-US'));
    return `${used} of the ${limit} ${label} that the tier includes in ${LIMIT_WINDOW_DAYS} days are used (${percent} %)`;
  }
  const key = alert.apiKeyName === null ? subject : `${JSON.stringify(alert.apiKeyName)} (${subject})`;
  const whose = subject === '' ? 'of the workspace' : `of the API key ${key}`;
  return `${usedAmount} of the ${limitAmount} USD that the budget ${whose} allows a ${window.toLowerCase()} are spent (${percent} %)`;
}
