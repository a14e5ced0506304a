import { describe, test } from 'vitest';
import type { ConformanceSubject } from '../../src/plugins/conformance/subject.ts';
import { conformanceRules } from '../../src/plugins/conformance.ts';
import type { ProviderPlugin } from '../../src/plugins/contract.ts';
import plugin from '../../src/providers/cloudflare/plugin.ts';
import { WIRE } from '../providers/cloudflare/wire.ts';

const TOKEN = 'cf-token-3QxVbW7z';

const SUBJECT: ConformanceSubject = {
  plugin: plugin as unknown as ProviderPlugin,
  config: (baseUrl) => ({ accountId: '0a1b2c3d', apiToken: TOKEN, baseUrl }),
  secrets: [TOKEN],
  models: {
    chat: '@cf/meta/llama-3.3-70b-instruct-fp8-fast',
    vision: '@cf/meta/llama-3.2-11b-vision-instruct',
    embed: 'bge-m3',
    rerank: 'bge-reranker-base',
    moderate: 'llama-guard-3',
    transcribe: 'whisper-large-v3-turbo',
    speak: 'melotts',
  },
  wire: WIRE,
};

describe('the plugin for Workers AI', () => {
  for (const rule of conformanceRules(SUBJECT)) test(rule.title, rule.run);
});
