import { expect, test } from 'vitest';
import { ClassifierCache, type ClassifierKey } from '../../../src/domain/classification/classifier-cache.ts';
import type { LearnedClassifier } from '../../../src/domain/classification/learned-classifier.ts';

function learning() {
  const learned: LearnedClassifier[] = [];
  const learn = async () => {
    const classifier: LearnedClassifier = () => [];
    learned.push(classifier);
    return classifier;
  };
  return { learned, learn };
}

const key = (changes: Partial<ClassifierKey> = {}): ClassifierKey => {
  return { workspaceId: 'ws_1', taxonomy: 'feedback', model: 'local/small', revision: 1, ...changes };
};

test('a classifier is learned once, however many wait for it', async () => {
  const cache = new ClassifierCache();
  const { learned, learn } = learning();
  const got = await Promise.all([cache.get(key(), learn), cache.get(key(), learn), cache.get(key(), learn)]);
  expect(learned).toHaveLength(1);
  expect(new Set(got).size).toBe(1);
});

test('a later revision, another model, taxonomy or workspace has a classifier of its own', async () => {
  const cache = new ClassifierCache();
  const { learned, learn } = learning();
  const others = [{ model: 'local/large' }, { taxonomy: 'intent' }, { workspaceId: 'ws_2' }, { workspaceId: null }];
  for (const changes of [{}, ...others, { revision: 2 }]) await cache.get(key(changes), learn);
  expect(learned).toHaveLength(6);
  expect(await cache.get(key({ revision: 1 }), learn)).toBe(learned[5]);
});

test('one that could not be learned is tried again', async () => {
  const cache = new ClassifierCache();
  const { learned, learn } = learning();
  await expect(cache.get(key(), () => Promise.reject(new Error('no provider')))).rejects.toThrow('no provider');
  expect(await cache.get(key(), learn)).toBe(learned[0]);
});

test('those of workspaces are bounded, the ones that all share are kept', async () => {
  const cache = new ClassifierCache(2);
  const { learned, learn } = learning();
  for (const workspaceId of [null, 'ws_1', 'ws_2', 'ws_3']) await cache.get(key({ workspaceId }), learn);
  for (const workspaceId of [null, 'ws_3', 'ws_2']) await cache.get(key({ workspaceId }), learn);
  expect(learned).toHaveLength(4);
  await cache.get(key({ workspaceId: 'ws_1' }), learn);
  expect(learned).toHaveLength(5);
});

test('a workspace lets go of one taxonomy alone', async () => {
  const cache = new ClassifierCache();
  const { learned, learn } = learning();
  const keys = [key(), key({ taxonomy: 'intent' }), key({ workspaceId: 'ws_10' })];
  for (const each of keys) await cache.get(each, learn);
  cache.forget('ws_1', 'feedback');
  for (const each of keys) await cache.get(each, learn);
  expect(learned).toHaveLength(4);
});
