import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OnnxGraphWriter } from '../../../src/providers/local/use-lite/onnx-writer.ts';

const WORDS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'cat', 'dog', 'find', ':'];

/** Every token's vector: 2 at the place of its id, 1 at the last place. */
export const TINY_DIMENSIONS = WORDS.length + 1;

function writeJson(folder: string, file: string, content: object): void {
  writeFileSync(join(folder, file), JSON.stringify(content));
}

/** Writes the smallest folder that the transformers library takes for a BERT: its only layer looks tokens up. */
export function writeTinySentenceTransformer(folder: string): void {
  mkdirSync(join(folder, 'onnx'), { recursive: true });
  writeJson(folder, 'config.json', { model_type: 'bert', architectures: ['BertModel'], hidden_size: TINY_DIMENSIONS });
  writeJson(folder, 'tokenizer_config.json', {
    tokenizer_class: 'BertTokenizer',
    model_max_length: 512,
    pad_token: '[PAD]',
    unk_token: '[UNK]',
    cls_token: '[CLS]',
    sep_token: '[SEP]',
  });
  writeJson(folder, 'tokenizer.json', tokenizer());
  writeFileSync(join(folder, 'onnx/model.onnx'), lookupGraph());
}

function tokenizer(): object {
  const special = (token: string): object => ({
    id: WORDS.indexOf(token),
    content: token,
    special: true,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  });
  const place = (id: string): object => ({ SpecialToken: { id, type_id: 0 } });
  return {
    version: '1.0',
    added_tokens: ['[PAD]', '[UNK]', '[CLS]', '[SEP]'].map(special),
    normalizer: { type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, lowercase: true },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [place('[CLS]'), { Sequence: { id: 'A', type_id: 0 } }, place('[SEP]')],
      pair: [],
      special_tokens: {
        '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] },
        '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] },
      },
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(WORDS.map((word, id) => [word, id])),
    },
  };
}

function lookupGraph(): Buffer {
  const graph = new OnnxGraphWriter();
  const ids = graph.input('input_ids', 'int64', ['texts', 'tokens']);
  graph.input('attention_mask', 'int64', ['texts', 'tokens']);
  graph.input('token_type_ids', 'int64', ['texts', 'tokens']);
  const table = new Float32Array(WORDS.length * TINY_DIMENSIONS);
  for (let id = 0; id < WORDS.length; id++) {
    table[id * TINY_DIMENSIONS + id] = 2;
    table[id * TINY_DIMENSIONS + TINY_DIMENSIONS - 1] = 1;
  }
  graph.node('Gather', [graph.floats('table', [WORDS.length, TINY_DIMENSIONS], table), ids], 'last_hidden_state');
  graph.output('last_hidden_state', ['texts', 'tokens', TINY_DIMENSIONS]);
  return graph.model('tiny');
}
