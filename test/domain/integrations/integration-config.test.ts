import { describe, expect, test } from 'vitest';
import { checkConfig } from '../../../src/domain/integrations/integration-config.ts';
import type { PluginManifest } from '../../../src/plugins/contract.ts';

const secret = { type: 'string', secret: true };
const manifest: PluginManifest = {
  ...{ id: 'acme', label: 'Acme', version: '1.0.0', specVersion: 1, capabilities: ['GENERATE'] },
  configSchema: {
    type: 'object',
    required: ['apiKey', 'region', 'account'],
    properties: {
      apiKey: secret,
      region: { type: 'string' },
      account: { type: 'object', required: ['token', 'name'], properties: { token: secret, name: { type: 'string' } } },
    },
  },
};

describe('what is missing from a configuration', () => {
  test('is named at its own place: a credential in credentials, everything else in config', () => {
    const { problems } = checkConfig(manifest, { account: {} }, {});
    expect(problems).toEqual([
      { path: ['credentials', 'apiKey'], message: 'give the credential apiKey in credentials' },
      { path: ['config', 'region'], message: 'is missing' },
      { path: ['credentials', 'account', 'token'], message: 'give the credential account.token in credentials' },
      { path: ['config', 'account', 'name'], message: 'is missing' },
    ]);
  });

  test('is nothing where the credentials have it', () => {
    const given = { region: 'eu', account: { name: 'mine' } };
    expect(checkConfig(manifest, given, { apiKey: 'k', account: { token: 't' } }).problems).toEqual([]);
  });
});
