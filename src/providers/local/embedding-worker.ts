import { parentPort, workerData } from 'node:worker_threads';
import { ProviderError } from '../../plugins/errors.ts';
import type { SentenceEncoder } from './sentence-encoder.ts';
import { loadSentenceTransformer } from './sentence-transformer.ts';
import { loadUseLite } from './use-lite/use-lite-encoder.ts';
import type { EncoderSource, WorkerAnswer, WorkerRequest } from './worker-messages.ts';

/** The thread's entry point: loads one model at its first job, then answers jobs one at a time. */

const source = workerData as EncoderSource;
let loading: Promise<SentenceEncoder> | undefined;

function load(): Promise<SentenceEncoder> {
  return source.kind === 'use-lite' ? loadUseLite(source.cacheDir) : loadSentenceTransformer(source);
}

function loadedEncoder(): Promise<SentenceEncoder> {
  loading ??= load().catch((error: unknown) => {
    // A later job tries again: the file or the package may have been put there meanwhile.
    loading = undefined;
    if (error instanceof ProviderError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new ProviderError('unavailable', `The local model could not be loaded: ${reason}`, { cause: error });
  });
  return loading;
}

async function answer(texts: readonly string[]): Promise<WorkerAnswer> {
  try {
    const encoder = await loadedEncoder();
    return { encoded: await encoder.encode(texts) };
  } catch (error) {
    if (error instanceof ProviderError) {
      return { failure: { kind: error.kind, message: error.message, stack: error.stack } };
    }
    const reason = error instanceof Error ? error : new Error(String(error));
    return { failure: { kind: 'server', message: `The local model failed: ${reason.message}`, stack: reason.stack } };
  }
}

parentPort?.on('message', async (request: WorkerRequest) => {
  if (request === 'end') {
    parentPort?.close();
    return;
  }
  const result = await answer(request.texts);
  const buffers = 'encoded' in result ? result.encoded.vectors.map((vector) => vector.buffer) : [];
  parentPort?.postMessage(result, buffers);
});
