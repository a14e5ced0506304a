import { Cron } from 'croner';
import { nearestName } from '../../shared/nearest-name.ts';

/** When an agent runs by itself. */
export interface AgentSchedule {
  /** As it is stored and shown: single spaces, the zone in front where it is not UTC. */
  expression: string;
  /** Name of the IANA database. */
  timeZone: string;
  /** The first time after a moment. */
  nextAfter(moment: Date): Date;
}

/** Why a schedule cannot be used, for whoever wrote it. */
export class ScheduleError extends Error {
  override readonly name = 'ScheduleError';
}

const MAX_CHARACTERS = 200;
const FIELDS = 5;
const ZONE_PREFIX = /^(?:CRON_TZ|TZ)=(\S+)\s+(.*)$/s;
const NICKNAMES: Readonly<Record<string, string>> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
};
const SHAPE =
  'a schedule has five fields, minute, hour, day of the month, month and day of the week, such as "0 7 * * 1-5" or "CRON_TZ=Europe/London 0 7 * * MON-FRI"';

/**
 * Reads `0 7 * * 1-5`, in UTC, or `CRON_TZ=Europe/London 0 7 * * MON-FRI`, by the clocks of a place. A time that a change
 * of clocks leaves out comes when the clocks have been put forward; one that comes twice in a night counts once, unless the
 * hour is `*`.
 * @throws ScheduleError
 */
export function parseSchedule(text: string): AgentSchedule {
  if (text.length > MAX_CHARACTERS) throw new ScheduleError(`must not be longer than ${MAX_CHARACTERS} characters`);
  const given = text.trim();
  const prefixed = ZONE_PREFIX.exec(given);
  const timeZone = prefixed === null ? 'UTC' : checkedZone(prefixed[1] ?? '');
  const pattern = checkedPattern(prefixed?.[2] ?? given);
  const cron = compile(pattern, timeZone);
  const nextAfter = (moment: Date) => {
    const next = cron.nextRun(moment);
    if (next === null) throw new ScheduleError(`"${pattern}" never comes: there is no such day`);
    return next;
  };
  nextAfter(new Date());
  const expression = timeZone === 'UTC' ? pattern : `CRON_TZ=${timeZone} ${pattern}`;
  return { expression, timeZone, nextAfter };
}

function checkedZone(name: string): string {
  try {
    const { timeZone } = new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions();
    // An offset such as +02:00 knows no summer.
    if (/^[A-Za-z]/.test(name)) return timeZone === 'UTC' ? 'UTC' : name;
  } catch {
    // Told below.
  }
  const nearest = nearestName(name, Intl.supportedValuesOf('timeZone'));
  const hint = nearest === null ? 'such as Europe/London' : `did you mean ${nearest}?`;
  throw new ScheduleError(`"${name}" is no time zone of the IANA database, ${hint}`);
}

function checkedPattern(text: string): string {
  const fields = text.trim().split(/\s+/);
  const [first = ''] = fields;
  if (first.startsWith('@')) {
    const meant = fields.length === 1 ? NICKNAMES[first.toLowerCase()] : undefined;
    if (meant === undefined) throw new ScheduleError(`"${text}" is none of ${Object.keys(NICKNAMES).join(', ')}`);
    return meant;
  }
  if (fields.length === FIELDS + 1) {
    throw new ScheduleError(`has six fields: no agent runs more often than once a minute, and ${SHAPE}`);
  }
  if (fields.length !== FIELDS || first === '') throw new ScheduleError(`has ${countOf(text)}: ${SHAPE}`);
  // Stands for the moment at which it is read.
  if (text.includes('?')) throw new ScheduleError('has a "?": use "*" for any');
  return fields.join(' ');
}

function countOf(text: string): string {
  const count = text.trim() === '' ? 0 : text.trim().split(/\s+/).length;
  return count === 1 ? 'one field' : `${count} fields`;
}

function compile(pattern: string, timezone: string): Cron {
  try {
    return new Cron(pattern, { timezone, mode: '5-part', paused: true });
  } catch (error) {
    const reason = (error as Error).message.replace(/^(?:CronPattern|CronDate): /, '');
    throw new ScheduleError(`${reason.charAt(0).toLowerCase()}${reason.slice(1)}; ${SHAPE}`);
  }
}
