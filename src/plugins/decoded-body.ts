import { pipeline, Readable, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { ProviderError } from './errors.ts';

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/** What servers say of a body that is not compressed. */
const PLAIN: ReadonlySet<string> = new Set(['', 'identity', 'none', 'utf-8']);

/**
 * What a body says that came compressed: nobody asks for that here, but proxies do it by themselves.
 * @param encoding as in `content-encoding`
 * @throws ProviderError where it cannot be read
 */
export async function* decodedBody(
  body: AsyncIterable<Uint8Array>,
  encoding: string,
): AsyncGenerator<Uint8Array, void> {
  const names = encoding
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => !PLAIN.has(name));
  if (names.length === 0) {
    yield* body;
    return;
  }
  const make = names.length === 1 && Object.hasOwn(DECODERS, names[0] ?? '') ? DECODERS[names[0] ?? ''] : undefined;
  if (make === undefined) throw new ProviderError('malformed', `the provider's answer is encoded as ${encoding}`);
  const decoder = make();
  // Whoever reads the decoder is told of a failure there.
  pipeline(Readable.from(body), decoder, () => undefined);
  try {
    yield* decoder as AsyncIterable<Uint8Array>;
  } catch (error) {
    const isOfZlib = typeof (error as { errno?: unknown }).errno === 'number';
    throw isOfZlib
      ? new ProviderError('malformed', `the provider's answer is no ${encoding}`, { cause: error })
      : error;
  }
}
