import { afterAll, beforeAll, expect, test } from 'vitest';
import { opportunity } from '../../../../src/domain/agents/types/opportunity/agent.ts';
import type { OpportunityOutput } from '../../../../src/domain/agents/types/opportunity/output.ts';
import { relationship } from '../../../../src/domain/agents/types/relationship/agent.ts';
import type { RelationshipOutput } from '../../../../src/domain/agents/types/relationship/output.ts';
import { scoring } from '../../../../src/domain/agents/types/scoring/agent.ts';
import type { ScoringOutput } from '../../../../src/domain/agents/types/scoring/output.ts';
import type { AgentBench, BenchRun } from '../../../support/agent-runs.ts';
import { NOW, openDemoBench } from './demo-bench.ts';

const SLOW_MS = 240_000;
const STEP_MAX_BYTES = 262_144;

let bench: AgentBench;
let ids: Map<string, string>;

beforeAll(async () => {
  ({ bench, ids } = await openDemoBench());
}, SLOW_MS);

afterAll(() => bench.close());

function expectSoundSteps({ steps }: BenchRun<unknown>): void {
  expect(new Set(steps.map(({ name }) => name)).size).toBe(steps.length);
  for (const { output } of steps) expect(Buffer.byteLength(JSON.stringify(output))).toBeLessThan(STEP_MAX_BYTES);
}

test(
  'OPPORTUNITY names companies with fresh signals that are like customers, and neither customers nor lost ones',
  async () => {
    const run = await bench.run<OpportunityOutput>(opportunity, { requestedAt: NOW });
    const { opportunities, companiesLooked, comparedWith, leftOut, model } = run.output;
    const names = opportunities.map(({ company }) => company);
    expect(names.slice(0, 4)).toEqual(
      expect.arrayContaining(['Norrmark Frys', 'Ostermere Flooring', 'Aerovale Cargo', 'Seabright Cruise Provisions']),
    );
    expect(names).not.toContain('Velderholm Logistics');
    expect(names).not.toContain('Teviotmark Textiles');
    expect({ companiesLooked, model }).toEqual({ companiesLooked: 61, model: 'local/rules' });
    expect(comparedWith).toContain('{"stage":"customer"}');
    expect(leftOut.join(' ')).toMatch(/buy already.*lost/u);
    const norrmark = opportunities.find(({ company }) => company === 'Norrmark Frys');
    expect(norrmark?.mostLike).toMatchObject({ company: 'Frostvale Cold Storage' });
    expect(norrmark?.explanation).toContain('“cold chain”');
    expect(norrmark?.signals.flatMap(({ evidenceIds }) => evidenceIds)).toContain(ids.get('news-7035'));
    const halted = opportunities.find(({ company }) => company === 'Brackenhythe Garden Centres');
    expect(halted?.cautions.map(({ reason }) => reason)).toContain('Buys nothing for now');
    expect(opportunities.length).toBeGreaterThan(5);
    expect(run.insights).toHaveLength(5);
    expect(run.insights.every(({ kind, documentIds }) => kind === 'OPPORTUNITY' && documentIds.length > 0)).toBe(true);
    expectSoundSteps(run);
  },
  SLOW_MS,
);

test(
  'an opportunity found again in the same month refreshes its insight, and a run goes on after any of its steps',
  async () => {
    const configuration = { top: 2, candidates: 5 };
    const first = await bench.run<OpportunityOutput>(opportunity, { requestedAt: NOW, configuration });
    const again = { requestedAt: NOW, configuration, agentId: first.agentId, steps: first.steps.slice(0, 3) };
    const second = await bench.run<OpportunityOutput>(opportunity, again);
    expect(second.output).toEqual(first.output);
    expect(second.insights.map(({ id }) => id)).toEqual(first.insights.map(({ id }) => id));
  },
  SLOW_MS,
);

test(
  'SCORING gives a company the same score whether it is asked for alone or with all, and explains it',
  async () => {
    const all = await bench.run<ScoringOutput>(scoring, { requestedAt: NOW });
    const one = await bench.run<ScoringOutput>(scoring, { requestedAt: NOW, input: { company: 'Norrmark Frys' } });
    const [norrmark] = one.output.ranking;
    expect(all.output.ranking.find(({ company }) => company === 'Norrmark Frys')).toEqual(norrmark);
    const sum = norrmark?.factors.reduce((points, { contribution }) => points + contribution, 0);
    expect(Math.abs((sum ?? 0) - (norrmark?.score ?? 0))).toBeLessThan(1);
    expect(norrmark?.factors.find(({ name }) => name === 'fit')?.reason).toContain('Frostvale Cold Storage');
    expect(norrmark?.factors.find(({ name }) => name === 'signals')?.evidenceIds).toEqual([ids.get('news-7035')]);
    const { distribution, companiesScored, companiesLooked } = all.output;
    expect(Object.values(distribution).reduce((total, count) => total + count, 0)).toBe(companiesScored);
    expect(companiesLooked).toBe(61);
    expect(all.insights.length).toBeGreaterThan(0);
    expect(one.insights).toEqual([]);
    expectSoundSteps(all);
  },
  SLOW_MS,
);

test(
  'RELATIONSHIP tells who knows whom, who has moved and what has gone cold, without a whole address',
  async () => {
    const run = await bench.run<RelationshipOutput>(relationship, { requestedAt: NOW });
    const { relationships, goneCold, moved, us, connectors } = run.output;
    expect(us).toBe('Harbourline');
    expect(moved).toMatchObject([
      { name: 'Leonie Hartgrave', from: 'Velderholm Logistics', to: 'Pellgate Automotive Sequencing' },
    ]);
    const cold = goneCold.find(({ company }) => company === 'Hexley Wharf Logistics');
    expect(cold?.lastContact).toMatchObject({ by: 'Tamsin Okell', direction: 'inbound' });
    expect(cold?.nextStep).toMatch(/^Ines Tolvaneer: answer Tamsin Okell, who wrote on 12 May 2026/u);
    expect(cold?.nextStepDocumentIds).toEqual([cold?.lastContact?.documentId]);
    expect(goneCold.map(({ company }) => company)).not.toContain('Sandhaven Furniture');
    expect(connectors.map(({ name }) => name)).toContain('Bram Eskeland');
    expect(relationships.map(({ warmth }) => warmth)).toEqual(
      relationships.map(({ warmth }) => warmth).toSorted((left, right) => right - left),
    );
    for (const written of [JSON.stringify(run.output), JSON.stringify(run.steps), JSON.stringify(run.insights)]) {
      expect(written).not.toMatch(/[\w.]{2,}@[\w-]+\.example/u);
    }
    expectSoundSteps(run);
    const one = await bench.run<RelationshipOutput>(relationship, {
      requestedAt: NOW,
      input: { company: 'Pellgate Automotive Sequencing' },
    });
    expect(one.output.relationships[0]?.paths.map(({ path }) => path)).toContainEqual([
      'Bram Eskeland',
      'Leonie Hartgrave',
    ]);
    expect(one.insights).toEqual([]);
    const bounded = await bench.run<RelationshipOutput>(relationship, {
      requestedAt: NOW,
      configuration: { documents: 100, top: 50 },
    });
    const lastAt = ({ output }: BenchRun<RelationshipOutput>) =>
      new Map(output.relationships.map(({ companyId, lastContact }) => [companyId, lastContact?.at]));
    expect(bounded.output.documentsRead).toBe(100);
    expect(bounded.output.leftOut).toContain('All documents of those days but the newest 100.');
    const whole = await bench.run<RelationshipOutput>(relationship, { requestedAt: NOW, configuration: { top: 50 } });
    expect(lastAt(bounded).size).toBeGreaterThan(10);
    for (const [companyId, at] of lastAt(bounded)) expect(lastAt(whole).get(companyId)).toBe(at);
  },
  SLOW_MS,
);

test.each([
  ['SCORING', scoring],
  ['RELATIONSHIP', relationship],
] as const)(
  '%s says so where a company is not there',
  async (_, definition) => {
    const { output } = await bench.run<{ headline: string }>(definition, {
      requestedAt: NOW,
      input: { company: 'Nowhere Ltd' },
    });
    expect(output.headline).toContain('Nowhere Ltd');
  },
  SLOW_MS,
);
