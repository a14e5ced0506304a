import type { IncomingMessage } from 'node:http';

/** A call of upsertDocuments may carry 1,000 documents, a chat a few photographs. */
export const MAX_BODY_BYTES = 32 * 1024 * 1024;

/** Whether the client says itself that its body is too large. */
export function isTooLarge(request: IncomingMessage): boolean {
  return Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES;
}

/** The body; null where it is too large, or where the client leaves before it is whole. */
export function readBounded(request: IncomingMessage): Promise<Buffer | null> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_BODY_BYTES) {
        request.removeAllListeners('data').pause();
        resolve(null);
      }
      chunks.push(chunk);
    });
    request.on('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
    request.on('error', () => resolve(null));
    request.on('close', () => resolve(null));
  });
}
