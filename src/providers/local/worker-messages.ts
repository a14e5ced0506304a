import type { ProviderErrorKind } from '../../plugins/errors.ts';
import type { EncodedTexts } from './sentence-encoder.ts';

/** What a worker loads, handed over when its thread starts. */
export type EncoderSource =
  | { readonly kind: 'use-lite'; readonly cacheDir: string }
  | {
      readonly kind: 'sentence-transformer';
      /** Absolute path of the folder with the model's files. */
      readonly folder: string;
      readonly pooling: 'cls' | 'mean';
      readonly dtype: string;
      readonly dimensions: number;
      readonly maxInputTokens: number;
    };

/** One batch for a worker, which answers with one `WorkerAnswer`; or the word to end when it is done with the last. */
export type WorkerRequest = { readonly texts: readonly string[] } | 'end';

export type WorkerAnswer =
  | { readonly encoded: EncodedTexts }
  | { readonly failure: { readonly kind: ProviderErrorKind; readonly message: string; readonly stack?: string } };
