import assert from 'node:assert/strict';
import type { EmbeddingTraits, EmbedRequest, EmbedResult } from '../contract.ts';
import type { ConformanceSubject, EmbedWire } from './subject.ts';
import { type ConformanceRule, call, promises, ruleMaker, type Trial } from './trial.ts';

/** Where nothing tells how many texts go into one call. */
const SOME_BATCH = 64;
const TOKENS_A_TEXT = 3;

/** What holds for embeddings. */
export function embeddingRules(subject: ConformanceSubject): ConformanceRule[] {
  const { embed: wire } = subject.wire;
  if (!promises(subject, 'EMBED')) return [];
  if (wire === undefined) throw new Error('the subject has no wire for `embed`');
  return [...vectorRules(subject, wire), ...limitRules(subject, wire)];
}

function vectorRules(subject: ConformanceSubject, wire: EmbedWire): ConformanceRule[] {
  const rule = ruleMaker(subject);
  return [
    rule('vectors come in the order of the texts, with length 1, and with their model', async (trial) => {
      playVectors(trial, wire);
      const texts = numbered(5);
      const result = await embed(trial, { texts });
      assertVectors(result, texts, wire.dimensions);
      assert.ok(result.model.length > 0);
    }),
    rule('an empty text has a vector among those of the others', async (trial) => {
      playVectors(trial, wire);
      const result = await embed(trial, { texts: ['1', '', '2'] });
      assert.equal(result.vectors.length, 3);
      assertDirection(result.vectors[0], 1);
      assertDirection(result.vectors[2], 2);
      assert.ok(Math.abs(norm(result.vectors[1] as Float32Array) - 1) < 1e-4);
    }),
    rule('the tokens of the texts add up to what the vendor counted', async (trial) => {
      playVectors(trial, wire);
      const texts = ['1', '2 and a good many words more', '', '3'];
      const { tokenCounts } = await embed(trial, { texts });
      assert.equal(tokenCounts.length, texts.length);
      for (const tokens of tokenCounts) assert.ok(Number.isInteger(tokens) && tokens >= 0, String(tokens));
      if (wire.countsTokens === false) return;
      const sum = tokenCounts.reduce((total, tokens) => total + tokens, 0);
      assert.equal(sum, TOKENS_A_TEXT * texts.length);
    }),
    rule('vectors have the length that was asked for, or the wish is refused', async (trial) => {
      playVectors(trial, wire);
      const { otherDimensions } = wire;
      if (otherDimensions === undefined) {
        await trial.providerError(() => embed(trial, { dimensions: 7 }), 'bad_request');
        return;
      }
      assertVectors(await embed(trial, { texts: ['1'], dimensions: otherDimensions }), ['1'], otherDimensions);
      const [request] = trial.requests;
      assert.equal(request && wire.asked(request).dimensions, otherDimensions);
    }),
  ];
}

function limitRules(subject: ConformanceSubject, wire: EmbedWire): ConformanceRule[] {
  const rule = ruleMaker(subject);
  return [
    rule('a full batch is embedded, each text once', async (trial) => {
      playVectors(trial, wire);
      const texts = numbered((await traitsOf(trial))?.maxBatch ?? SOME_BATCH);
      assertVectors(await embed(trial, { texts }), texts, wire.dimensions);
      const sent = trial.requests.flatMap((request) => wire.asked(request).texts);
      assert.deepEqual(sent.toSorted(), texts.toSorted());
    }),
    rule('a batch of no texts, or of more than the model takes, is refused', async (trial) => {
      playVectors(trial, wire);
      await trial.providerError(() => embed(trial, { texts: [] }), 'bad_request');
      const maxBatch = (await traitsOf(trial))?.maxBatch;
      if (maxBatch === undefined) return;
      await trial.providerError(() => embed(trial, { texts: numbered(maxBatch + 1) }), 'bad_request');
    }),
    rule('vectors that are too few, or that have no direction, are malformed', async (trial) => {
      for (const vectors of [
        [direction(1, wire.dimensions)],
        [direction(1, wire.dimensions), zeros(wire.dimensions)],
      ]) {
        trial.play((request) => ({ do: 'answer', ...wire.vectors(vectors, 2, request) }));
        await trial.providerError(() => embed(trial, { texts: ['1', '2'] }), 'malformed');
      }
    }),
    rule('a text that is too long is cut, or fails as context_length', async (trial) => {
      trial.play((request) => {
        const isTooLong = wire.asked(request).texts.some((text) => text.length > 100_000);
        const refusal = subject.wire.failure({ cause: 'context_length', message: 'too long' }, request);
        return { do: 'answer', ...(isTooLong && refusal ? refusal : answer(wire, request)) };
      });
      const outcome = await embed(trial, { texts: ['1', 'word '.repeat(40_000)] }).catch((error: unknown) => ({
        error,
      }));
      if ('error' in outcome) await trial.providerError(() => Promise.reject(outcome.error), 'context_length');
      else assert.equal(outcome.vectors.length, 2);
    }),
  ];
}

type WireRequest = Parameters<EmbedWire['asked']>[0];

function playVectors(trial: Trial, wire: EmbedWire): void {
  trial.play((request) => ({ do: 'answer', ...answer(wire, request) }));
}

/** The direction of a text that is a number is that number, as an angle. */
function answer(wire: EmbedWire, request: WireRequest): ReturnType<EmbedWire['vectors']> {
  const { texts, dimensions = wire.dimensions } = wire.asked(request);
  const vectors = texts.map((text) => direction(Number.parseInt(text, 10) || 0, dimensions));
  return wire.vectors(vectors, TOKENS_A_TEXT * texts.length, request);
}

async function embed({ provider, subject }: Trial, request: Partial<EmbedRequest>): Promise<EmbedResult> {
  const model = subject.models.embed;
  if (model === undefined) throw new Error('the subject names no model for `embed`');
  const result = await provider.embed?.({ model, texts: ['1'], purpose: 'document', ...request }, call());
  assert.ok(result !== undefined, 'the provider does not embed');
  return result;
}

async function traitsOf({ subject }: Trial): Promise<EmbeddingTraits | undefined> {
  return subject.plugin.manifest.models?.find(({ name }) => name === subject.models.embed)?.embedding;
}

function numbered(length: number): string[] {
  return Array.from({ length }, (_, index) => String(index + 1));
}

/** Not of length 1: the provider has to see to that. */
function direction(angle: number, dimensions: number): number[] {
  return Array.from({ length: dimensions }, (_, index) =>
    index === 0 ? 3 * Math.cos(angle) : index === 1 ? 3 * Math.sin(angle) : 0,
  );
}

function zeros(dimensions: number): number[] {
  return new Array(dimensions).fill(0);
}

function norm(vector: Float32Array): number {
  return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
}

function assertVectors({ vectors }: EmbedResult, texts: readonly string[], dimensions: number): void {
  assert.equal(vectors.length, texts.length);
  for (const [index, vector] of vectors.entries()) {
    assert.ok(vector instanceof Float32Array);
    assert.equal(vector.length, dimensions);
    assertDirection(vector, Number(texts[index]));
  }
}

function assertDirection(vector: Float32Array | undefined, angle: number): void {
  const [cosine = Number.NaN, sine = Number.NaN] = vector ?? [];
  const distance = Math.hypot(cosine - Math.cos(angle), sine - Math.sin(angle));
  assert.ok(distance < 1e-3, `the vector of the text ${angle} should have its direction and length 1`);
}
