import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import localPlugin from '../../../src/providers/local/plugin.ts';
import { testHost } from '../../support/plugin-host.ts';

/** The shipped local model through its plugin interface, with its files in a folder of its own. */
export async function openLocalEmbedding() {
  const cacheDir = await mkdtemp(join(tmpdir(), 'signalbox-classification-'));
  const closing = new AbortController();
  const provider = localPlugin.create({}, testHost(cacheDir));
  const embed = async (texts: readonly string[]): Promise<readonly Float32Array[]> => {
    const vectors: Float32Array[] = [];
    for (let start = 0; start < texts.length; start += 256) {
      const request = { model: 'use-lite-768', texts: texts.slice(start, start + 256), purpose: 'document' } as const;
      const result = await provider.embed?.(request, { signal: closing.signal, requestId: 'test' });
      if (!result) throw new Error('The local provider does not embed');
      vectors.push(...result.vectors);
    }
    return vectors;
  };
  const inputs = async (texts: readonly string[]) => {
    const vectors = await embed(texts);
    return vectors.map((vector, index) => ({ text: texts[index] ?? '', vector }));
  };
  const close = async () => {
    await provider.close();
    await rm(cacheDir, { recursive: true, force: true });
  };
  return { embed, inputs, close };
}
