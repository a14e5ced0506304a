import { describe, test } from 'vitest';
import { conformanceRules } from '../../src/plugins/conformance.ts';
import type { ProviderPlugin } from '../../src/plugins/contract.ts';
import plugin from '../../src/providers/google/plugin.ts';
import { GOOGLE_WIRE } from '../providers/google/wire.ts';

const API_KEY = 'AIzaSyConformance-3f9c';

describe('the google plugin', () => {
  const rules = conformanceRules({
    plugin: plugin as unknown as ProviderPlugin,
    config: (baseUrl) => ({ apiKey: API_KEY, baseUrl }),
    secrets: [API_KEY],
    models: {
      chat: 'gemini-2.5-flash',
      vision: 'gemini-2.5-flash',
      embed: 'gemini-embedding-001',
      speak: 'gemini-3.1-flash-tts-preview',
    },
    wire: GOOGLE_WIRE,
  });
  for (const rule of rules) test(rule.title, rule.run);
});
