import pino from 'pino';
import type { Database } from '../../../src/db/client.ts';
import { AnswerCache } from '../../../src/domain/caching/answer-cache.ts';
import { EmbeddingCache } from '../../../src/domain/caching/embedding-cache.ts';
import { ClassificationService } from '../../../src/domain/classification/classification-service.ts';
import { ModelCatalog } from '../../../src/domain/gateway/model-catalog.ts';
import { ModelGateway } from '../../../src/domain/gateway/model-gateway.ts';
import type { ModelChoice } from '../../../src/domain/integrations/integration.ts';
import { NOTHING_CHOSEN } from '../../../src/domain/integrations/integration-directory.ts';
import { MeterService } from '../../../src/domain/usage/meter-service.ts';
import { RateLimitService } from '../../../src/domain/usage/rate-limit-service.ts';
import { UsageRecorder } from '../../../src/domain/usage/usage-recorder.ts';
import type { Capability, GenerateRequest, Provider } from '../../../src/plugins/contract.ts';
import { directoryOf, liveIntegration } from '../../support/model-catalog.ts';

/** What a model is shown: texts by their keys, as the marks of its system prompt set them apart. */
export interface Question {
  /** From 1. */
  call: number;
  system: string;
  user: string;
  documents: Map<string, string>;
  /** Texts that people have labelled, with what stands below them. */
  examples: { text: string; labels: string }[];
  request: GenerateRequest;
}

export interface WritingProvider extends Provider {
  readonly questions: Question[];
}

/** A model that writes. It keeps to its prompt: what is a document is told by the marks alone. */
export function writingProvider(
  answer: (question: Question, signal: AbortSignal) => unknown,
  capabilities: Capability[] = ['GENERATE', 'STRUCTURED_OUTPUT'],
): WritingProvider {
  const questions: Question[] = [];
  return {
    questions,
    async generate(request, { signal }) {
      const question = readQuestion(request, questions.length + 1);
      questions.push(question);
      const said = await answer(question, signal);
      const text = typeof said === 'string' ? said : JSON.stringify(said);
      const usage = { inputTokens: 100, outputTokens: 20 };
      return { text, toolCalls: [], finishReason: 'stop', usage, model: request.model };
    },
    listModels: async () => [{ name: 'writer', capabilities }],
    check: async () => undefined,
    close: async () => undefined,
  };
}

function readQuestion(request: GenerateRequest, call: number): Question {
  const [first, second] = request.messages;
  if (first?.role !== 'system' || second?.role !== 'user') throw new Error('a system prompt and a question are due');
  const user = second.parts.map((part) => (part.kind === 'text' ? part.text : '')).join('');
  const marker = /The word ([0-9a-f]{20}) was made up/.exec(first.text)?.[1] ?? 'no marker';
  const marked = new RegExp(`^<<<${marker} (\\w+) (\\w+)>>>\\n([\\s\\S]*?)\\n<<<${marker} end>>>(?:\\n(.*))?$`, 'gm');
  const documents = new Map<string, string>();
  const examples: Question['examples'] = [];
  for (const [, kind, key = '', text = '', below = ''] of user.matchAll(marked)) {
    if (kind === 'document' || kind === 'passage') documents.set(key, text);
    else examples.push({ text, labels: below });
  }
  return { call, system: first.text, user, documents, examples, request };
}

/** A model's verdict on feedback: a bug where the text says so, else a question; critical where it says that too. */
export function judgeFeedback(document: string, text: string) {
  const type = /crash/i.test(text) ? 'bug' : 'question';
  const area = /\b(billing|printing)\b/i.exec(text)?.[1] ?? null;
  return {
    document,
    reasoning: `It says "${text.slice(0, 20)}".`,
    labels: {
      type: { label: type, confidence: 0.9 },
      product_area: { label: area, confidence: 0.7 },
      urgency: { label: /critical/i.test(text) ? 'critical' : 'normal', confidence: 1 },
    },
    confidence: 0.8,
  };
}

/** The same of every document of a question. */
export function judgeAll({ documents }: Question) {
  return { documents: [...documents].map(([key, text]) => judgeFeedback(key, text)) };
}

/** Vectors that tell nothing but whether texts are the same. */
export function vectorProvider(): Provider {
  return {
    embed: async ({ texts, model }) => {
      const vectors = texts.map((text) => {
        const raw = Float32Array.from({ length: 16 }, (_, i) => Math.sin((i + 1) * [...text].reduce(hash, 7)));
        const norm = Math.hypot(...raw);
        return raw.map((value) => value / norm);
      });
      return { vectors, tokenCounts: texts.map(() => 1), model };
    },
    listModels: async () => [{ name: 'vectors', capabilities: ['EMBED'], dimensions: 16 }],
    check: async () => undefined,
    close: async () => undefined,
  };
}

function hash(sum: number, character: string): number {
  return (sum * 31 + (character.codePointAt(0) ?? 0)) % 9_973;
}

/** A server's classification, where workspaces have integrations of these names and a choice that a test can change. */
export function openLlmService(database: Database, providers: Record<string, Provider>, fallbacks = {}) {
  let choice: ModelChoice | undefined;
  const logger = pino({ level: 'silent' });
  const links: Record<string, string> = fallbacks;
  const integrations = Object.entries({ ...providers, local: vectorProvider() }).map(([name, provider]) =>
    liveIntegration(name, provider, { id: name, fallbackId: links[name] ?? null, retries: 0 }),
  );
  const directory = directoryOf(integrations, () => ({
    ...NOTHING_CHOSEN,
    models: choice === undefined ? {} : { classify: choice },
  }));
  const catalog = new ModelCatalog(directory, 'local/vectors');
  const cache = new EmbeddingCache(database, logger);
  const recorder = new UsageRecorder({ database, logger });
  const meters = new MeterService(database);
  const gateway = new ModelGateway({
    ...{ catalog, recorder, meters, embeddingCache: cache, answerCache: new AnswerCache() },
    limits: new RateLimitService(database),
  });
  const service = new ClassificationService({ database, gateway, catalog });
  return {
    service,
    /** Null: nothing is chosen any more. */
    choose(workspaceId: string, primary: string | null, others: string[] = []) {
      choice = primary === null ? undefined : { primary, fallbacks: others, parameters: {} };
      directory.forget(workspaceId);
    },
    async close() {
      await cache.drain();
      await recorder.drain();
    },
  };
}
