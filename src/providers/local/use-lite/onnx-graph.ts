import { OnnxGraphWriter } from './onnx-writer.ts';
import type { UseLiteWeights } from './weights.ts';

/** Tokens of one text that the graph takes. */
export const MAX_TOKENS = 128;
/** Length of the vectors that the graph gives, L2 norm 1. */
export const SENTENCE_DIMENSIONS = 512;

const VOCABULARY_SIZE = 8002;
const TOKEN_DIMENSIONS = 256;
const FEED_FORWARD_DIMENSIONS = 1536;
const HEADS = 4;
const LAYER_NORM_EPSILON = 1e-6;
/** Added to the attention score of padding, so that its share becomes 0. */
const MASKED_SCORE = 1e9;

/** Sine and cosine of the position at 128 wavelengths each (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762). */
function positionSignal(timescales: Float32Array): Float32Array {
  const half = timescales.length;
  const signal = new Float32Array(MAX_TOKENS * TOKEN_DIMENSIONS);
  for (let position = 0; position < MAX_TOKENS; position++) {
    for (const [index, timescale] of timescales.entries()) {
      signal[position * TOKEN_DIMENSIONS + index] = Math.sin(position * timescale);
      signal[position * TOKEN_DIMENSIONS + half + index] = Math.cos(position * timescale);
    }
  }
  return signal;
}

/**
 * The encoder of USE-lite (Cer et al. 2018, https://arxiv.org/abs/1803.11175) as it was exported: two pre-norm
 * transformer layers, the second twice as wide, the mean over tokens, one tanh layer. Activations are kept as one row a
 * token (texts x tokens rows), which lets every dense layer be one matrix product with its bias.
 */
class UseLiteGraph {
  readonly #graph = new OnnxGraphWriter();
  readonly #weights: UseLiteWeights;

  constructor(weights: UseLiteWeights) {
    this.#weights = weights;
  }

  build(): Buffer {
    const graph = this.#graph;
    const ids = graph.input('ids', 'int64', ['texts', 'tokens']);
    const mask = graph.input('mask', 'float', ['texts', 'tokens']);
    const gridShape = graph.node('Shape', [ids], 'grid_shape');
    const maskBias = this.#maskBias(mask);
    const tokens = this.#tokenRows(ids, gridShape);
    const narrow = this.#layer(0, tokens, gridShape, maskBias, TOKEN_DIMENSIONS);
    const wide = this.#layer(1, narrow, gridShape, maskBias, SENTENCE_DIMENSIONS);
    const hidden = this.#dense('sentence', this.#meanOverTokens(wide, gridShape, mask), {
      weights: 'tanh_layer_0/weights',
      bias: 'tanh_layer_0/bias',
      shape: [SENTENCE_DIMENSIONS, SENTENCE_DIMENSIONS],
    });
    graph.node('LpNormalization', [graph.node('Tanh', [hidden], 'sentence_tanh')], 'vectors', { axis: 1, p: 2 });
    graph.output('vectors', ['texts', SENTENCE_DIMENSIONS]);
    return graph.model('use-lite');
  }

  #maskBias(mask: string): string {
    const graph = this.#graph;
    const one = graph.floats('one', [], Float32Array.of(1));
    const score = graph.floats('masked_score', [], Float32Array.of(MASKED_SCORE));
    const absent = graph.node('Sub', [mask, one], 'mask_absent');
    const bias = graph.node('Mul', [absent, score], 'mask_bias');
    return graph.node('Unsqueeze', [bias, graph.integers('head_and_query_axes', [1, 2])], 'mask_bias_4d');
  }

  #tokenRows(ids: string, gridShape: string): string {
    const graph = this.#graph;
    // The trained graph looks every token up in two copies of the table and adds both.
    const doubled = this.#weights.endingWith('Embeddings_en').values.map((value) => value * 2);
    const table = graph.floats('token_table', [VOCABULARY_SIZE, TOKEN_DIMENSIONS], doubled);
    const timescales = this.#weights.endingWith('TimingSignal/ExpandDims_1').values;
    const signal = graph.floats('positions', [MAX_TOKENS, TOKEN_DIMENSIONS], positionSignal(timescales));
    const tokenCount = graph.node(
      'Slice',
      [gridShape, graph.integers('from_1', [1]), graph.integers('to_2', [2])],
      'token_count',
    );
    const positions = graph.node('Slice', [signal, graph.integers('from_0', [0]), tokenCount], 'positions_used');
    const embedded = graph.node('Add', [graph.node('Gather', [table, ids], 'token_vectors'), positions], 'placed');
    const rows = graph.integers('narrow_rows', [-1, TOKEN_DIMENSIONS]);
    return graph.node('Reshape', [embedded, rows], 'token_rows');
  }

  #layer(index: 0 | 1, input: string, gridShape: string, maskBias: string, width: number): string {
    const graph = this.#graph;
    const scope = `Layer_${index}/TransformerLayer/`;
    const residual =
      width === SENTENCE_DIMENSIONS
        ? input
        : this.#dense(`widen_${index}`, input, {
            weights: `${scope}dense/kernel/ConcatPartitions/concat`,
            bias: `${scope}dense/bias/ConcatPartitions/concat`,
            shape: [width, SENTENCE_DIMENSIONS],
          });
    const normalized = this.#layerNorm(
      `attention_norm_${index}`,
      input,
      `${scope}layer_prepostprocess/layer_norm`,
      width,
    );
    const attended = this.#attention(index, normalized, gridShape, maskBias, width);
    const afterAttention = graph.node('Add', [attended, residual], `after_attention_${index}`);
    const forward = this.#feedForward(index, scope, afterAttention);
    return graph.node('Add', [forward, afterAttention], `layer_${index}`);
  }

  #feedForward(index: 0 | 1, scope: string, input: string): string {
    const norm = `${scope}FFN/layer_prepostprocess/layer_norm`;
    const normalized = this.#layerNorm(`forward_norm_${index}`, input, norm, SENTENCE_DIMENSIONS);
    const inner = this.#dense(`forward_inner_${index}`, normalized, {
      weights: `${scope}FFN/conv1/Tensordot/Reshape_1`,
      bias: `${scope}FFN/conv1/bias/ConcatPartitions/concat`,
      shape: [SENTENCE_DIMENSIONS, FEED_FORWARD_DIMENSIONS],
    });
    return this.#dense(`forward_${index}`, this.#graph.node('Relu', [inner], `forward_relu_${index}`), {
      weights: `${scope}FFN/conv2/Tensordot/Reshape_1`,
      bias: `${scope}FFN/conv2/bias/ConcatPartitions/concat`,
      shape: [FEED_FORWARD_DIMENSIONS, SENTENCE_DIMENSIONS],
    });
  }

  #attention(index: 0 | 1, input: string, gridShape: string, maskBias: string, width: number): string {
    const graph = this.#graph;
    const scope = `Layer_${index}/TransformerLayer/MultiheadAttention/`;
    const joined = this.#queriesKeysValues(index, input, scope, width);
    const heads = graph.integers(`head_shape_${index}`, [3, HEADS, width / HEADS]);
    const shape = graph.node('Concat', [gridShape, heads], `head_grid_${index}`, { axis: 0 });
    const split = graph.node('Reshape', [joined, shape], `heads_${index}`);
    // [texts, tokens, 3, heads, size] -> [3, texts, heads, tokens, size]
    const byHead = graph.node('Transpose', [split], `by_head_${index}`, { perm: [2, 0, 3, 1, 4] });
    const [queries, keys, values] = [`queries_${index}`, `keys_${index}`, `values_${index}`];
    graph.nodeWithOutputs('Split', [byHead, graph.integers(`thirds_${index}`, [1, 1, 1])], [queries, keys, values], {
      axis: 0,
    });
    const turnedKeys = graph.node('Transpose', [keys], `turned_keys_${index}`, { perm: [0, 1, 2, 4, 3] });
    const scores = graph.node('MatMul', [queries, turnedKeys], `scores_${index}`);
    const masked = graph.node('Add', [scores, maskBias], `masked_scores_${index}`);
    const shares = graph.node('Softmax', [masked], `shares_${index}`, { axis: -1 });
    const mixed = graph.node('MatMul', [shares, values], `mixed_${index}`);
    const byToken = graph.node('Transpose', [mixed], `by_token_${index}`, { perm: [0, 1, 3, 2, 4] });
    const rows = graph.node('Reshape', [byToken, graph.integers(`rows_${index}`, [-1, width])], `attention_${index}`);
    return this.#dense(`attention_out_${index}`, rows, {
      weights: `${scope}output_transform_single/kernel/part_0`,
      bias: `${scope}output_transform_single/bias/ConcatPartitions/concat`,
      shape: [width, SENTENCE_DIMENSIONS],
    });
  }

  #queriesKeysValues(index: 0 | 1, input: string, scope: string, width: number): string {
    const weights = Float32Array.from(this.#weights.endingWith(`${scope}qkv_transform_single/kernel/part_0`).values);
    const bias = Float32Array.from(
      this.#weights.endingWith(`${scope}qkv_transform_single/bias/ConcatPartitions/concat`).values,
    );
    const scale = this.#weights.endingWith(`${scope}mul/y`).values[0] ?? Number.NaN;
    // The attention's scale is multiplied into the queries' weights, which saves a pass over the scores.
    const scaleQueries = (values: Float32Array): void => {
      for (let row = 0; row < values.length; row += 3 * width) {
        for (let column = row; column < row + width; column++) values[column] = (values[column] ?? 0) * scale;
      }
    };
    scaleQueries(weights);
    scaleQueries(bias);
    return this.#graph.node(
      'Gemm',
      [
        input,
        this.#graph.floats(`qkv_weights_${index}`, [width, 3 * width], weights),
        this.#graph.floats(`qkv_bias_${index}`, [3 * width], bias),
      ],
      `qkv_${index}`,
    );
  }

  #meanOverTokens(rows: string, gridShape: string, mask: string): string {
    const graph = this.#graph;
    const width = graph.integers('sentence_width', [SENTENCE_DIMENSIONS]);
    const shape = graph.node('Concat', [gridShape, width], 'sentence_grid', { axis: 0 });
    const grid = graph.node('Reshape', [rows, shape], 'encoded');
    // [texts, 1, tokens] x [texts, tokens, width]: the sum over the tokens that are there.
    const row = graph.node('Unsqueeze', [mask, graph.integers('middle_axis', [1])], 'mask_row');
    const sum = graph.node('Squeeze', [graph.node('MatMul', [row, grid], 'sums'), 'middle_axis'], 'sum');
    const count = graph.node('ReduceSum', [mask, graph.integers('token_axis', [1])], 'count', { keepdims: 1 });
    return graph.node('Div', [sum, count], 'mean');
  }

  #dense(
    name: string,
    input: string,
    layer: { readonly weights: string; readonly bias: string; readonly shape: readonly [number, number] },
  ): string {
    const weights = this.#weights.endingWith(layer.weights).values;
    const bias = this.#weights.endingWith(layer.bias).values;
    return this.#graph.node(
      'Gemm',
      [
        input,
        this.#graph.floats(`${name}_weights`, layer.shape, weights),
        this.#graph.floats(`${name}_bias`, [layer.shape[1]], bias),
      ],
      name,
    );
  }

  #layerNorm(name: string, input: string, norm: string, width: number): string {
    const scale = this.#weights.endingWith(`${norm}/layer_norm_scale/ConcatPartitions/concat`).values;
    const bias = this.#weights.endingWith(`${norm}/layer_norm_bias/ConcatPartitions/concat`).values;
    return this.#graph.node(
      'LayerNormalization',
      [input, this.#graph.floats(`${name}_scale`, [width], scale), this.#graph.floats(`${name}_bias`, [width], bias)],
      name,
      { axis: -1, epsilon: { float: LAYER_NORM_EPSILON } },
    );
  }
}

/**
 * USE-lite as an ONNX file. Inputs: `ids` (int64) and `mask` (float, 1 for a token and 0 for padding), both
 * [texts, tokens] with at most `MAX_TOKENS` tokens. Output: `vectors`, [texts, `SENTENCE_DIMENSIONS`].
 */
export function buildUseLiteGraph(weights: UseLiteWeights): Buffer {
  return new UseLiteGraph(weights).build();
}
