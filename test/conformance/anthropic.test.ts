import { describe, test } from 'vitest';
import { conformanceRules } from '../../src/plugins/conformance.ts';
import type { ProviderPlugin } from '../../src/plugins/contract.ts';
import plugin from '../../src/providers/anthropic/plugin.ts';
import { ANTHROPIC_WIRE } from '../providers/anthropic/wire.ts';

const API_KEY = 'sk-ant-api03-conformance-3f9c';

describe('the anthropic plugin', () => {
  const rules = conformanceRules({
    plugin: plugin as unknown as ProviderPlugin,
    config: (baseUrl) => ({ apiKey: API_KEY, baseUrl }),
    secrets: [API_KEY],
    models: { chat: 'claude-sonnet-4-5', vision: 'claude-sonnet-4-5' },
    wire: ANTHROPIC_WIRE,
  });
  for (const rule of rules) test(rule.title, rule.run);
});
