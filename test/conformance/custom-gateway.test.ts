import { describe, test } from 'vitest';
import type { VendorWire } from '../../src/plugins/conformance/subject.ts';
import { conformanceRules } from '../../src/plugins/conformance.ts';
import type { ProviderPlugin } from '../../src/plugins/contract.ts';
import plugin from '../../src/providers/custom-gateway/plugin.ts';
import { chatWire, embedWire, modelList, openAiFailure } from '../providers/openai/wire.ts';

const API_KEY = 'sk-gateway-conformance';
const LISTED = ['openai/gpt-4.1-mini', 'openai/text-embedding-3-small', 'house-model'];

const wire: VendorWire = {
  aside: ({ path }) => (path === '/spend/calculate' ? { body: { cost: 0.000_031 } } : undefined),
  checked: () => modelList(...LISTED),
  listed: LISTED,
  failure: openAiFailure,
  chat: chatWire('max_tokens', 2),
  embed: embedWire(1_536, 256, 'base64'),
};

describe('the custom-gateway plugin', () => {
  const rules = conformanceRules({
    plugin: plugin as unknown as ProviderPlugin,
    config: (upstreamUrl) => ({ apiKey: API_KEY, baseUrl: `${upstreamUrl}/v1` }),
    secrets: [API_KEY],
    models: { chat: 'openai/gpt-4.1-mini', embed: 'openai/text-embedding-3-small' },
    wire,
  });
  for (const rule of rules) test(rule.title, rule.run);
});
