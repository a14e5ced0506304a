import { parentPort, workerData } from 'node:worker_threads';
import { InferenceSession, Tensor } from 'onnxruntime-node';

/** One bare onnxruntime session in a thread: takes tensors that were prepared before the clock starts. */

export interface BareBatch {
  readonly ids: BigInt64Array;
  readonly mask: Float32Array;
  readonly shape: readonly number[];
}

const session = await InferenceSession.create(workerData as string, { intraOpNumThreads: 1, interOpNumThreads: 1 });

parentPort?.on('message', async (batch: BareBatch) => {
  const { vectors } = await session.run({
    ids: new Tensor('int64', batch.ids, batch.shape),
    mask: new Tensor('float32', batch.mask, batch.shape),
  });
  parentPort?.postMessage(vectors?.dims[0] ?? 0);
});
parentPort?.postMessage(0);
