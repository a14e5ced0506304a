import { Worker } from 'node:worker_threads';

/**
 * What a thread says that loads much, posts one message and ends by itself. A module stays loaded for as long as its
 * thread: what is loaded here is gone with the answer.
 * @throws what the thread threw; an Error where it ended and had said nothing
 */
export function answerOfThread<Answer>(entry: URL): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(entry);
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`${entry.pathname} ended with ${code} and said nothing`)));
  });
}
