import { describe, expect, test } from 'vitest';
import type { ProviderPlugin } from '../../src/plugins/contract.ts';
import { PluginRegistry, SHIPPED } from '../../src/plugins/registry.ts';
import { unavailablePlugin } from '../../src/plugins/unavailable-plugin.ts';

const plugin = (changes: object = {}): ProviderPlugin => {
  const { manifest, create } = unavailablePlugin('sample', '1.0.0');
  return { create, manifest: { ...manifest, capabilities: ['EMBED'], ...changes } as ProviderPlugin['manifest'] };
};

const refusal = (changes: object) => {
  try {
    new PluginRegistry().register(plugin(changes), 'test');
  } catch (error) {
    return error as { reason: string; message: string };
  }
  return { reason: 'none', message: '' };
};

const sampleModel = () => {
  const embedding = { maxBatch: 16, maxInputTokens: 512, chunkWords: 200, sameMeaning: 0.8, hybridVectorWeight: 0.5 };
  return { embedding, model: { name: 'vectors', capabilities: ['EMBED'], dimensions: 8, embedding } };
};

describe('the registry', () => {
  test.each([
    ['an id with capitals', { id: 'Sample' }, 'ID_INVALID'],
    ['an id of 41 characters', { id: 'a'.repeat(41) }, 'ID_INVALID'],
    ['no id', { id: undefined }, 'ID_INVALID'],
    ['a version that is none', { version: '1.0' }, 'VERSION_INVALID'],
    ['another version of the contract', { specVersion: 2 }, 'SPEC_VERSION_UNKNOWN'],
    ['a schema of something else than an object', { configSchema: { type: 'string' } }, 'SCHEMA_INVALID'],
    ['a schema that is none', { configSchema: { type: 'object', properties: { a: { type: 7 } } } }, 'SCHEMA_INVALID'],
    ['no capability', { capabilities: [] }, 'CAPABILITIES_INVALID'],
    ['an unknown capability', { capabilities: ['FLY'] }, 'CAPABILITIES_INVALID'],
    ['the same capability twice', { capabilities: ['EMBED', 'EMBED'] }, 'CAPABILITIES_INVALID'],
    ['no label', { label: '' }, 'MANIFEST_INVALID'],
    ['a link that runs code', { docsUrl: 'javascript:alert(1)' }, 'MANIFEST_INVALID'],
    [
      'a price that is a number',
      { models: [{ name: 'm', capabilities: ['EMBED'], inputUsdPerMillion: 1 }] },
      'MANIFEST_INVALID',
    ],
    [
      'a price of more digits than money has',
      { models: [{ name: 'm', capabilities: ['EMBED'], inputUsdPerMillion: '9'.repeat(5_000) }] },
      'MANIFEST_INVALID',
    ],
    [
      'a manifest beyond all bounds',
      { configSchema: { type: 'object', note: 'x'.repeat(300_000) } },
      'MANIFEST_INVALID',
    ],
  ])('refuses %s', (_what, changes, reason) => {
    expect(refusal(changes)).toMatchObject({ name: 'PluginRefusedError', reason });
  });

  test.each([
    ['dependentSchemas', { dependentSchemas: { a: { properties: { token: { secret: true } } } } }],
    ['unevaluatedProperties', { unevaluatedProperties: { secret: true } }],
    ['contains', { properties: { list: { contains: { $ref: '#/$defs/token' } } } }],
    [
      '$dynamicRef',
      { properties: { token: { $dynamicRef: '#token' } }, $defs: { token: { $dynamicAnchor: 'token' } } },
    ],
    ['$ref to #token', { properties: { token: { $ref: '#token' } }, $defs: { token: { $anchor: 'token' } } }],
    ['a nested $id', { properties: { token: { $id: 'https://example.com/token', secret: true } } }],
  ])('refuses a schema that may mark a credential where none is looked for: by %s', (keyword, schema) => {
    const { token = {}, ...defs } = (schema as { $defs?: Record<string, object> }).$defs ?? {};
    const configSchema = { type: 'object', ...schema, $defs: { ...defs, token: { secret: true, ...token } } };
    const { reason, message } = refusal({ configSchema });
    expect([reason, message]).toEqual(['SCHEMA_INVALID', expect.stringContaining(keyword)]);
  });

  test('takes a schema that marks credentials at any place that is looked at, or uses such keywords without any', () => {
    const marked = { properties: { token: { secret: true } } };
    for (const schema of [
      { allOf: [marked], $defs: { a: marked }, properties: { b: { $ref: '#/$defs/a' }, secret: true } },
      { ...marked, unevaluatedProperties: false, dependentRequired: { token: ['b'] }, not: { required: ['c'] } },
      { dependentSchemas: { a: { properties: { b: { type: 'string' } } } } },
      { ...marked, default: { dependentSchemas: { secret: true } } },
    ]) {
      expect(refusal({ configSchema: { type: 'object', ...schema } })).toMatchObject({ reason: 'none' });
    }
  });

  test('names what is missing in words', () => {
    const { embedding, model } = sampleModel();
    expect(refusal({ label: undefined }).message).toBe('manifest.label is missing: a string');
    expect(refusal({ id: undefined }).message).toMatch(/^manifest\.id is missing: 2 to 40 lower-case letters/);
    expect(refusal({ models: [{ ...model, embedding: { ...embedding, sameMeaning: undefined } }] }).message).toBe(
      'manifest.models.0.embedding.sameMeaning is missing: a number from 0 to 1',
    );
    expect(refusal({ models: [{ ...model, name: undefined }] }).message).toBe(
      'manifest.models.0.name is missing: a string of 1 to 200 characters',
    );
    expect(refusal({ models: [{ ...model, embedding: { ...embedding, maxBatch: 0 } }] }).message).toBe(
      'manifest.models.0.embedding.maxBatch must be a whole number above 0',
    );
  });

  test('refuses a field that nobody knows, and names the one that was probably meant', () => {
    const { embedding, model } = sampleModel();
    for (const [changes, message] of [
      [
        { capabilites: [], capabilities: undefined },
        'manifest.capabilites is no field of the contract; is capabilities meant?',
      ],
      [
        { models: [{ ...model, dimension: 3 }] },
        'manifest.models.0.dimension is no field of the contract; is dimensions meant?',
      ],
      [
        { models: [{ ...model, embedding: { ...embedding, maxbatch: 3 } }] },
        'manifest.models.0.embedding.maxbatch is no field of the contract; is maxBatch meant?',
      ],
    ] as const) {
      expect(refusal(changes)).toMatchObject({ reason: 'MANIFEST_INVALID', message });
    }
    expect(refusal({ colour: 'red' }).message).toMatch(/^manifest\.colour is no field of the contract; known are id, /);
  });

  test('says where a manifest is wrong', () => {
    expect(refusal({ capabilities: ['FLY'] }).message).toMatch(/^manifest\.capabilities\.0 must be of EMBED, /);
  });

  test('keeps an id for the first that has it', () => {
    const registry = new PluginRegistry();
    registry.register(plugin(), 'first');
    expect(() => registry.register(plugin(), 'second')).toThrow(expect.objectContaining({ reason: 'ID_TAKEN' }));
    expect(registry.get('sample').source).toBe('first');
  });

  test('lists what there is when something is not', () => {
    const registry = new PluginRegistry();
    registry.register(plugin(), 'first');
    registry.register(plugin({ id: 'other' }), 'first');
    expect(() => registry.get('missing')).toThrow('there is no provider plugin "missing"; there are: sample, other');
  });

  test('never lets go of what was shipped', () => {
    const registry = new PluginRegistry();
    registry.register(plugin(), SHIPPED);
    expect(() => registry.unregister('sample')).toThrow(expect.objectContaining({ reason: 'SHIPPED' }));
    expect(registry.list()).toHaveLength(1);
  });

  test('tells who listens of each plugin that comes and goes, until they stop', () => {
    const registry = new PluginRegistry();
    const heard: string[] = [];
    const stop = registry.onChange((id) => heard.push(`${id} ${registry.list().length}`));
    registry.register(plugin(), 'first');
    registry.unregister('sample');
    stop();
    registry.register(plugin(), 'first');
    expect(heard).toEqual(['sample 1', 'sample 0']);
  });
});
