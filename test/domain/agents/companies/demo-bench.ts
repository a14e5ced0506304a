import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { defineAgentType } from '../../../../src/domain/agents/agent-type.ts';
import {
  SIGNAL_STRENGTHS,
  SIGNAL_TYPES,
  type SignalStrength,
  type SignalType,
} from '../../../../src/domain/insights/signal.ts';
import { type AgentBench, type BenchDocument, type BenchOptions, openAgentBench } from '../../../support/agent-runs.ts';

/** The day after the demo's last document. */
export const NOW = new Date('2026-11-20T12:00:00Z');

/** Signals of the demo, as a person reads them: company, kind, strength, the news item that says so. */
const SIGNALS: readonly [string, SignalType, SignalStrength, string][] = [
  ['hexley-wharf', 'FUNDING_ROUND', 'VERY_STRONG', 'news-7008'],
  ['pellgate', 'TECHNOLOGY_ADOPTION', 'MODERATE', 'news-7048'],
  ['umberfield', 'JOB_POSTING', 'STRONG', 'news-7017'],
  ['norrmark', 'JOB_POSTING', 'STRONG', 'news-7035'],
  ['norrmark', 'EXPANSION', 'STRONG', 'news-7035'],
  ['aerovale', 'COMPETITOR_MENTION', 'VERY_STRONG', 'news-7038'],
  ['aerovale', 'WEBSITE_ACTIVITY', 'STRONG', 'news-7031'],
  ['ostermere', 'COMPETITOR_MENTION', 'VERY_STRONG', 'news-7041'],
  ['seabright', 'EXPANSION', 'STRONG', 'news-7040'],
  ['teviotmark', 'COMPANIES_HOUSE_FILING', 'STRONG', 'news-7025'],
  ['brackenhythe', 'EXECUTIVE_CHANGE', 'VERY_STRONG', 'news-7034'],
  ['velderholm', 'EXPANSION', 'VERY_STRONG', 'news-7039'],
];

const recorder = defineAgentType({
  type: 'SCOUT',
  description: 'Records what it is given.',
  configuration: z.object({}),
  input: z.object({
    signals: z.array(
      z.object({
        companyId: z.string(),
        type: z.enum(SIGNAL_TYPES),
        strength: z.enum(SIGNAL_STRENGTHS),
        evidenceId: z.string(),
        at: z.string(),
        quote: z.string(),
      }),
    ),
  }),
  output: z.object({}),
  tools: ['record_signal'],
  run: async ({ input, tools }) => {
    for (const { companyId, type, strength, evidenceId, at, quote } of input.signals) {
      const found = { companyId, type, strength, confidence: 90, data: { quote }, evidenceIds: [evidenceId] };
      await tools.recordSignal({ ...found, detectedAt: new Date(at), expiresAt: null, key: `${type} ${evidenceId}` });
    }
    return {};
  },
});

/** Keeps signals in a bench's workspace. */
export async function recordSignals(
  bench: AgentBench,
  signals: readonly {
    companyId: string;
    type: SignalType;
    strength: SignalStrength;
    evidenceId: string;
    at: string;
    quote: string;
  }[],
): Promise<void> {
  await bench.run(recorder, { input: { signals: signals.map((signal) => ({ ...signal })) } });
}

/** The demo's companies, news, CRM notes and messages, with some of their signals. */
export async function openDemoBench(
  options: BenchOptions = {},
): Promise<{ bench: AgentBench; ids: Map<string, string> }> {
  const bench = await openAgentBench(options);
  const ids = new Map<string, string>();
  for (const slug of ['companies', 'news', 'crm-notes', 'messages']) {
    const documents = readDemo(slug);
    const made = await bench.documents(await bench.collection(slug, documents[0]?.kind), documents);
    for (const [place, id] of made.entries()) ids.set(documents[place]?.externalId ?? '', id);
  }
  const news = new Map(readDemo('news').map((document) => [document.externalId, document]));
  await recordSignals(
    bench,
    SIGNALS.map(([company, type, strength, item]) => ({
      ...{ companyId: ids.get(`company-${company}`) ?? '', type, strength, evidenceId: ids.get(item) ?? '' },
      at: news.get(item)?.createdAt ?? '',
      quote: String(news.get(item)?.source?.text ?? '').split('. ', 1)[0] ?? '',
    })),
  );
  return { bench, ids };
}

function readDemo(slug: string): BenchDocument[] {
  const file = new URL(`../../../../demo/${slug}.jsonl`, import.meta.url);
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as BenchDocument);
}
