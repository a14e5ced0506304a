import { parentPort } from 'node:worker_threads';
import type { WorkerAnswer, WorkerRequest } from '../../../src/providers/local/worker-messages.ts';

/** Encodes a text as its length, and does what a text says: "die", "fail" or "wait". */
parentPort?.on('message', (request: WorkerRequest) => {
  if (request === 'end') return parentPort?.close();
  if (request.texts.includes('die')) process.exit(3);
  const answer: WorkerAnswer = request.texts.includes('fail')
    ? { failure: { kind: 'unavailable', message: 'asked to fail' } }
    : {
        encoded: {
          vectors: request.texts.map((text) => Float32Array.of(text.length)),
          tokenCounts: request.texts.map(() => request.texts.length),
        },
      };
  setTimeout(() => parentPort?.postMessage(answer), request.texts.includes('wait') ? 400 : 0);
});
