import type { ConformanceSubject, VendorWire } from '../../../src/plugins/conformance/subject.ts';
import { chatWire, embedWire, errorAnswer, modelList, openAiFailure } from '../openai/wire.ts';

/** As vLLM, llama.cpp and Ollama answer where that is not as OpenAI does. */

export const COMPATIBLE_MODELS: ConformanceSubject['models'] = {
  chat: 'qwen3:8b',
  vision: 'llava:13b',
  embed: 'nomic-embed-text',
  rerank: 'bge-reranker-v2-m3',
};

const LISTED = ['qwen3:8b', 'nomic-embed-text', 'bge-reranker-v2-m3'];

export const COMPATIBLE_WIRE: VendorWire = {
  checked: () => modelList(...LISTED),
  listed: LISTED,
  failure: (failure) => {
    if (failure.cause !== 'context_length') return openAiFailure(failure);
    return errorAnswer(400, {
      code: 400,
      type: 'exceed_context_size_error',
      message: 'the request exceeds the available context size, try increasing it',
      n_prompt_tokens: 9_000,
      n_ctx: 4_096,
    });
  },
  // Ollama counts nothing unless asked, and some servers close the stream without [DONE].
  chat: chatWire('max_tokens', 2),
  embed: embedWire(768, 128, 'float'),
  rerank: (scores) => ({
    body: {
      model: 'bge-reranker-v2-m3',
      // The best comes first.
      results: [...scores.entries()]
        .map(([index, relevance_score]) => ({ index, relevance_score }))
        .toSorted((left, right) => right.relevance_score - left.relevance_score),
      usage: { total_tokens: 21 },
    },
  }),
};
