import { test } from 'node:test';
import type { ConformanceSubject } from '../../src/plugins/conformance/subject.ts';
import { conformanceRules } from '../../src/plugins/conformance.ts';
import type { ProviderPlugin } from '../../src/plugins/contract.ts';
import plugin from './acme.ts';

type Asked = { model: string; texts: string[]; lines: { role: 'user'; text: string }[]; limit?: number };

const subject: ConformanceSubject = {
  plugin: plugin as unknown as ProviderPlugin,
  config: (upstreamUrl) => ({ apiKey: 'acme-of-the-test', baseUrl: upstreamUrl }),
  secrets: ['acme-of-the-test'],
  models: { chat: 'anvil', embed: 'acme-vec' },
  wire: {
    checked: () => ({ body: {} }),
    listed: [],
    failure: ({ cause, message }) => {
      if (typeof cause === 'number') return { status: cause, body: { error: message } };
      return cause === 'prefill' ? undefined : { status: 400, body: { error: message, reason: cause } };
    },
    chat: {
      asked: ({ json }) => ({
        model: (json as Asked).model,
        texts: (json as Asked).lines,
        maxOutputTokens: (json as Asked).limit,
      }),
      whole: ({ pieces, finishReason }) => ({ body: { text: pieces.join(''), met_limit: finishReason === 'length' } }),
      ...{ countsTokens: false, takesTemperature: false, namesModel: false, endsByContentFilter: false },
    },
    embed: {
      asked: ({ json }) => ({ model: (json as Asked).model, texts: (json as Asked).texts }),
      vectors: (vectors) => ({ body: { vectors } }),
      ...{ dimensions: 8, countsTokens: false },
    },
  },
};

for (const rule of conformanceRules(subject)) test(rule.title, rule.run);
