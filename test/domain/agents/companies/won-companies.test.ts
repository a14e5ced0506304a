import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { defineAgentType } from '../../../../src/domain/agents/agent-type.ts';
import { findWonCompanies, wonSaid } from '../../../../src/domain/agents/companies/won-companies.ts';
import { type AgentBench, openAgentBench } from '../../../support/agent-runs.ts';

const SLOW_MS = 120_000;
const CUSTOMERS = 640;

let bench: AgentBench;
let customers: string[];

beforeAll(async () => {
  bench = await openAgentBench();
  const companies = await bench.collection('companies', 'COMPANY');
  customers = [];
  for (let start = 0; start < CUSTOMERS; start += 80) {
    const part = Array.from({ length: 80 }, (_, i) => ({
      kind: 'COMPANY' as const,
      externalId: `company-${start + i}`,
      metadata: { stage: 'customer' },
      source: { name: `Customer ${start + i}` },
    }));
    customers.push(...(await bench.documents(companies, part)));
  }
}, SLOW_MS);

afterAll(() => bench.close());

/** Tells with whom companies are compared. */
const comparing = defineAgentType({
  ...{ type: 'SCORING', description: 'Finds who buys.', tools: ['list_documents'] },
  ...{ configuration: z.object({}), input: z.object({}) },
  output: z.object({ ids: z.array(z.string()), said: z.string(), model: z.string() }),
  run: async (run) => {
    const won = await findWonCompanies(run, {});
    return { ids: won.companies.map(({ id }) => id), said: wonSaid(won), model: 'local/rules' };
  },
});

test(
  'of very many companies that buy, old and new ones alike are compared with, and the same ones in each run',
  async () => {
    const first = await bench.run<{ ids: string[]; said: string }>(comparing);
    const { ids, said } = first.output;
    expect(new Set(ids).size).toBe(200);
    for (let quarter = 0; quarter < 4; quarter++) {
      const part = new Set(customers.slice((quarter * CUSTOMERS) / 4, ((quarter + 1) * CUSTOMERS) / 4));
      expect(ids.filter((id) => part.has(id)).length).toBeGreaterThan(20);
    }
    expect(said).toContain('Compared with 200 of 640 companies with the metadata {"stage":"customer"}');
    expect((await bench.run<{ ids: string[] }>(comparing)).output.ids).toEqual(ids);
  },
  SLOW_MS,
);
