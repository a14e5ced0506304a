import { expect, test } from 'vitest';
import { readManifest } from '../../src/plugins/manifest.ts';
import anthropic from '../../src/providers/anthropic/plugin.ts';
import azureOpenai from '../../src/providers/azure-openai/plugin.ts';
import cloudflare from '../../src/providers/cloudflare/plugin.ts';
import customGateway from '../../src/providers/custom-gateway/plugin.ts';
import google from '../../src/providers/google/plugin.ts';
import local from '../../src/providers/local/plugin.ts';
import openai from '../../src/providers/openai/plugin.ts';
import openaiCompatible from '../../src/providers/openai-compatible/plugin.ts';

const SHIPPED = [anthropic, azureOpenai, cloudflare, customGateway, google, local, openai, openaiCompatible];

test.each(SHIPPED.map(({ manifest }) => [manifest.id, manifest] as const))(
  'the prices of %s are exact decimals, and of a day where there are any that a vendor may change',
  (_id, manifest) => {
    const read = readManifest(structuredClone(manifest));
    expect(read).toEqual(manifest);
    const prices = (manifest.models ?? []).flatMap((model) =>
      Object.entries(model).flatMap(([field, value]) => (/usd/i.test(field) ? [value] : [])),
    );
    if (prices.some((price) => price !== '0'))
      expect(Date.parse(read.pricesAsOf ?? '')).toBeLessThanOrEqual(Date.now());
  },
);

test.each(['yesterday', '2026-13-01', '21.11.2026', 20_261_121])('%j is no day of prices', (pricesAsOf) => {
  expect(() => readManifest({ ...openai.manifest, pricesAsOf })).toThrow(/pricesAsOf/);
});

test.each(['-0.1', '1e-7', 0.0001, ''])('%j is no price of a second', (usdPerAudioSecond) => {
  const models = [{ name: 'm', capabilities: ['TRANSCRIBE'], usdPerAudioSecond }];
  expect(() => readManifest({ ...openai.manifest, models })).toThrow(/usdPerAudioSecond/);
});
