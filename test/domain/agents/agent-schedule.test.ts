import { describe, expect, test } from 'vitest';
import { parseSchedule, ScheduleError } from '../../../src/domain/agents/agent-schedule.ts';

describe('a schedule', () => {
  test('without a zone is in UTC', () => {
    expect(timesOf('0 7 * * 1-5', '2026-03-27T12:00:00Z', 2)).toEqual(['2026-03-30T07:00Z', '2026-03-31T07:00Z']);
  });

  test('goes by the clocks of its zone, in summer and in winter', () => {
    const expression = 'CRON_TZ=Europe/London 0 7 * * MON-FRI';
    expect(timesOf(expression, '2026-03-27T06:00:00Z', 2)).toEqual(['2026-03-27T07:00Z', '2026-03-30T06:00Z']);
  });

  test('knows names of days and months', () => {
    expect(timesOf('0 9 * JAN,JUL Mon', '2026-01-25T00:00:00Z', 2)).toEqual(['2026-01-26T09:00Z', '2026-07-06T09:00Z']);
  });

  test('runs once where the clocks leave its time out', () => {
    expect(timesOf('CRON_TZ=Europe/London 30 1 * * *', '2026-03-28T12:00:00Z', 2)).toEqual([
      '2026-03-29T01:00Z',
      '2026-03-30T00:30Z',
    ]);
    expect(timesOf('CRON_TZ=America/New_York 30 2 * * *', '2026-03-07T12:00:00Z', 2)).toEqual([
      '2026-03-08T07:00Z',
      '2026-03-09T06:30Z',
    ]);
  });

  test('runs once where its time comes twice', () => {
    expect(timesOf('CRON_TZ=Europe/London 30 1 * * *', '2026-10-24T12:00:00Z', 2)).toEqual([
      '2026-10-25T00:30Z',
      '2026-10-26T01:30Z',
    ]);
  });

  test('of every hour runs in each hour of a night that has one more', () => {
    expect(timesOf('CRON_TZ=Europe/London 0 * * * *', '2026-10-24T23:30:00Z', 4)).toEqual([
      '2026-10-25T00:00Z',
      '2026-10-25T01:00Z',
      '2026-10-25T02:00Z',
      '2026-10-25T03:00Z',
    ]);
  });

  test('is kept in one way of writing it', () => {
    expect(parseSchedule('  0   7 * *  1 ').expression).toBe('0 7 * * 1');
    expect(parseSchedule('TZ=Europe/Paris @daily').expression).toBe('CRON_TZ=Europe/Paris 0 0 * * *');
    expect(parseSchedule('CRON_TZ=UTC 0 7 * * 1').expression).toBe('0 7 * * 1');
  });

  test.each([
    ['', /has 0 fields: a schedule has five fields/],
    ['daily', /has one field/],
    ['0 7 * *', /has 4 fields/],
    ['0 0 7 * * *', /more often than once a minute/],
    ['61 7 * * *', /minute: 61/],
    ['0 7 * * FRYDAY', /five fields/],
    ['0 7 30 2 *', /never comes/],
    ['0 ? * * *', /use "\*"/],
    ['2026-12-24T00:00:00', /has one field/],
    ['@reboot', /is none of @hourly/],
    ['CRON_TZ=Europe/Londno 0 7 * * *', /did you mean Europe\/London\?/],
    ['CRON_TZ=+02:00 0 7 * * *', /no time zone/],
    ['CRON_TZ=Europe/London', /has one field/],
    [`0 7 * * ${'1,'.repeat(200)}1`, /longer than 200/],
  ])('is refused as %j, with the reason', (text, reason) => {
    expect(() => parseSchedule(text)).toThrow(ScheduleError);
    expect(() => parseSchedule(text)).toThrow(reason);
  });
});

function timesOf(text: string, after: string, count: number): string[] {
  const schedule = parseSchedule(text);
  const times: string[] = [];
  let moment = new Date(after);
  for (let i = 0; i < count; i++) {
    moment = schedule.nextAfter(moment);
    times.push(moment.toISOString().replace(':00.000Z', 'Z'));
  }
  return times;
}
