import { describe, test } from 'vitest';
import { conformanceRules } from '../../src/plugins/conformance.ts';
import type { ProviderPlugin } from '../../src/plugins/contract.ts';
import plugin from '../../src/providers/openai-compatible/plugin.ts';
import { COMPATIBLE_MODELS, COMPATIBLE_WIRE } from '../providers/openai-compatible/wire.ts';

const API_KEY = 'local-conformance-key';

describe.each([
  ['that refuses to continue answers', {}, COMPATIBLE_WIRE],
  [
    'that continues answers',
    { continuesAnswers: true },
    {
      ...COMPATIBLE_WIRE,
      failure: (...given: Parameters<typeof COMPATIBLE_WIRE.failure>) =>
        given[0].cause === 'prefill' ? undefined : COMPATIBLE_WIRE.failure(...given),
    },
  ],
])('the openai-compatible plugin for a server %s', (_name, options, wire) => {
  const rules = conformanceRules({
    plugin: plugin as unknown as ProviderPlugin,
    config: (upstreamUrl) => ({ apiKey: API_KEY, baseUrl: `${upstreamUrl}/v1`, ...options }),
    secrets: [API_KEY],
    models: COMPATIBLE_MODELS,
    wire,
  });
  for (const rule of rules) test(rule.title, rule.run);
});
