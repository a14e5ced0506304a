import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import type { UsageDimension } from '../../src/domain/usage/usage-report.ts';
import { UsageService } from '../../src/domain/usage/usage-service.ts';
import { sealUsage } from '../../src/domain/usage/usage-store.ts';
import { expectExact, openLedger, periodsOf, writeTry } from '../domain/usage/budget-fixtures.ts';
import { NOON, usageEvent } from '../domain/usage/usage-fixtures.ts';
import { type EarlierVersion, earlierVersion } from '../support/earlier-version.ts';

const DAY_MS = 86_400_000;
const DAY = '2026-03-10';
const LIVE = { id: 'res_1', workspaceId: 'ws_1', apiKeyId: 'key_1', day: DAY, amountUsd: '0.4' };

let earlier: EarlierVersion;
beforeEach(async () => {
  earlier = await earlierVersion();
});
afterEach(() => earlier?.remove());

/** The same 100 groups on each of four occasions, all hours sealed, two budgets, and a call under way. */
const EARLIER_LEDGER = `
  insert into workspaces (id, name, slug, tier) values ('ws_1', 'ws_1', 'ws_1', 'ENTERPRISE');
  insert into usage_attempts (workspace_id, id, at, api_key_id, request_id, provider, model, operation, outcome, embeddings,
    llm_calls, vector_queries, cache_hits, input_tokens, output_tokens, cached_tokens, cost_usd, latency_ms)
  select 'ws_1', 'att_' || occasion || '_' || n, at::timestamptz, 'key_1', 'req', 'local', 'local/' || n % 10,
    (array['chat', 'embed'])[1 + n / 10 % 2], (array['SUCCEEDED', 'FAILED', 'CACHED', 'RETRIED', 'RESTARTED'])[1 + n / 20],
    0, 1, 0, 0, 5, 0, 0, 0.01, 7
  from generate_series(0, 99) n, unnest(
    array['2026-03-08 09:00Z', '2026-03-09 11:30Z', '2026-03-10 08:15Z', '2026-03-10 11:50Z']
  ) with ordinality as given (at, occasion);
  insert into usage_daily (workspace_id, day, provider, model, operation, api_key_id, outcome, requests, embeddings, llm_calls,
    vector_queries, cache_hits, input_tokens, output_tokens, cached_tokens, cost_usd, unpriced, latency_ms)
  select workspace_id, (at at time zone 'utc')::date, provider, model, operation, api_key_id, outcome, count(*), 0, count(*), 0, 0,
    5 * count(*), 0, 0, sum(cost_usd), 0, sum(latency_ms)
  from usage_attempts group by 1, 2, 3, 4, 5, 6, 7;
  update usage_sealed set sealed_before = '2026-03-08 00:00Z', carried_from = '2026-03-08 00:00Z';
  do $$ begin
    while (select sealed_before < '2026-03-10 12:00Z' from usage_sealed) loop
      perform seal_usage(400, '2026-03-10 12:00Z');
    end loop;
  end $$;
  insert into budgets (workspace_id, subject, "window", limit_usd)
  values ('ws_1', '', 'DAY', 2.6), ('ws_1', 'key_1', 'DAY', 4);
  insert into budget_periods (workspace_id, subject, "window", starts_on, ends_on, used_usd, reserved_usd)
  select workspace_id, subject, "window", '${DAY}', '2026-03-11', 2, 0.4 from budgets;
  insert into reservations (workspace_id, id, api_key_id, amount_usd, day, expires_at)
  values ('ws_1', '${LIVE.id}', '${LIVE.apiKeyId}', ${LIVE.amountUsd}, '${DAY}', now() + interval '1 hour')`;

// An embedded database is made and migrated for longer than all of this takes, and the other upgrades do that.
test.runIf(inject('testServer') !== null)(
  'what an earlier version has spent, held and sealed is brought over: reports show it, and the call under way ends in its budgets',
  async () => {
    await earlier.before('0029_usage_day_lists', (sql) => sql.unsafe(EARLIER_LEDGER));
    const database = await earlier.bringOver();

    const ledger = openLedger(database);
    const reserved = { workspaceId: 'ws_1', apiKeyId: 'key_1', ttlMs: 60_000, signal: new AbortController().signal };
    // Of the limit of 2.6 are .2 left, also if the call under way turns out to be free: .6.
    await expect(ledger.reservations.reserve({ ...reserved, amountUsd: '0.7' })).rejects.toThrow();
    await writeTry(ledger, LIVE, '0.1', true);
    expect(await periodsOf(database, 'ws_1')).toMatchObject([
      { subject: '', used: 2_100_000, reserved: 0 },
      { subject: 'key_1', used: 2_100_000, reserved: 0 },
    ]);
    expect(await ledger.reservations.reserve({ ...reserved, amountUsd: '0.5' })).toMatchObject({ amountUsd: '0.5' });
    expectExact(await periodsOf(database, 'ws_1'));

    // Into an hour that was sealed by the earlier version.
    ledger.recorder.record(usageEvent('ws_1', { at: NOON - DAY_MS, model: 'local/1', costUsd: '0.01' }));
    await ledger.recorder.flush();
    const service = new UsageService({ database, recorder: ledger.recorder, now: () => NOON });
    const workspace = { id: 'ws_1', name: 'ws_1', slug: 'ws_1', tier: 'ENTERPRISE', createdAt: new Date(0) } as const;
    const show = async () => {
      const report = await service.report(workspace, { from: new Date(NOON - 3 * DAY_MS), to: new Date(NOON) });
      const groupings: UsageDimension[][] = [['DAY'], ['MODEL', 'API_KEY'], ['OPERATION', 'OUTCOME'], ['DAY', 'MODEL']];
      return { totals: await report.totals(), groups: await Promise.all(groupings.map((by) => report.groups(by))) };
    };
    const before = await show();
    expect(before.totals).toMatchObject({ requests: 401, costUsd: '4.01' });
    expect(before.groups[0]?.map(({ key, totals }) => [key.day, totals.requests])).toEqual([
      [DAY, 200],
      ['2026-03-09', 101],
      ['2026-03-08', 100],
    ]);
    while (await database.withSystem((scope) => sealUsage(scope, 400, new Date(NOON))));
    expect(await show()).toEqual(before);
    const listed = await database.sql`select to_char(day, 'MM-DD') as day, is_listed from usage_day_lists order by 1`;
    expect([...listed]).toEqual([
      { day: '03-08', isListed: true },
      { day: '03-09', isListed: true },
    ]);
  },
);
