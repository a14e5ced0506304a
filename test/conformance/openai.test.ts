import { describe, test } from 'vitest';
import { conformanceRules } from '../../src/plugins/conformance.ts';
import type { ProviderPlugin } from '../../src/plugins/contract.ts';
import plugin from '../../src/providers/openai/plugin.ts';
import { RESPONSES_WIRE } from '../providers/openai/responses-wire.ts';
import { OPENAI_WIRE } from '../providers/openai/wire.ts';

const API_KEY = 'sk-proj-conformance/7d1e+';

const MODELS = {
  chat: 'gpt-4.1-mini',
  embed: 'text-embedding-3-small',
  moderate: 'omni-moderation-latest',
  transcribe: 'whisper-1',
  speak: 'tts-1',
};

describe.each([
  ['chat completions', 'chat', OPENAI_WIRE],
  ['the Responses API', 'responses', RESPONSES_WIRE],
] as const)('the openai plugin by %s', (_name, api, wire) => {
  const rules = conformanceRules({
    plugin: plugin as unknown as ProviderPlugin,
    config: (upstreamUrl) => ({ apiKey: API_KEY, baseUrl: `${upstreamUrl}/v1/`, api }),
    secrets: [API_KEY],
    models: MODELS,
    wire,
  });
  for (const rule of rules) test(rule.title, rule.run);
});
