import type { CallContext, GenerateRequest, ModelInfo, Provider, StreamPart } from '../../../src/plugins/contract.ts';
import { ProviderError } from '../../../src/plugins/errors.ts';

/** One answer under way: it says what the test has it say, when the test says it. */
export class PacedAnswer {
  readonly request: GenerateRequest;
  /** Aborted when nobody wants the answer any more. */
  readonly signal: AbortSignal;
  readonly #steps: (StreamPart | Error)[] = [];
  #wake: () => void = () => undefined;

  constructor(request: GenerateRequest, signal: AbortSignal) {
    this.request = request;
    this.signal = signal;
    signal.addEventListener('abort', () => this.#wake());
  }

  say(...pieces: string[]): void {
    for (const text of pieces) this.#push({ kind: 'text', text });
  }

  finish(): void {
    this.#push({ kind: 'finish', finishReason: 'stop', usage: { inputTokens: 11, outputTokens: 7 }, model: 'paced-1' });
  }

  fail(error: Error): void {
    this.#push(error);
  }

  #push(step: StreamPart | Error): void {
    this.#steps.push(step);
    this.#wake();
  }

  async *parts(): AsyncGenerator<StreamPart> {
    for (;;) {
      this.signal.throwIfAborted();
      const step = this.#steps.shift();
      if (step instanceof Error) throw step;
      if (step !== undefined) {
        yield step;
        if (step.kind === 'finish') return;
        continue;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** The models `local/writer` and `local/second`, each of whose answers is paced by the test. */
export class PacedModels {
  readonly #waiting = new Map<string, PacedAnswer[]>();
  readonly #wanted = new Map<string, ((answer: PacedAnswer) => void)[]>();
  answers = 0;

  /** The next answer that a model is asked for. */
  next(model: 'writer' | 'second' = 'writer'): Promise<PacedAnswer> {
    const waiting = this.#waiting.get(model)?.shift();
    if (waiting !== undefined) return Promise.resolve(waiting);
    return new Promise((resolve) => {
      this.#wanted.set(model, [...(this.#wanted.get(model) ?? []), resolve]);
    });
  }

  /** For `TestServerOptions.wrapProvider`. */
  readonly wrap = (provider: Provider): Provider => ({
    embed: (request, call) => (provider.embed as NonNullable<Provider['embed']>)(request, call),
    stream: (request, call) => this.#stream(request, call),
    generate: async () => {
      throw new ProviderError('bad_request', 'the paced models stream alone');
    },
    listModels: async (call) => [...(await provider.listModels(call)), ...MODELS],
    check: (call) => provider.check(call),
    close: () => provider.close(),
  });

  #stream(request: GenerateRequest, { signal }: CallContext): AsyncGenerator<StreamPart> {
    const answer = new PacedAnswer(request, signal);
    this.answers += 1;
    const wanted = this.#wanted.get(request.model)?.shift();
    if (wanted !== undefined) wanted(answer);
    else this.#waiting.set(request.model, [...(this.#waiting.get(request.model) ?? []), answer]);
    return answer.parts();
  }
}

const MODELS: ModelInfo[] = ['writer', 'second'].map((name) => ({
  name,
  capabilities: ['GENERATE', 'STREAM'],
  contextTokens: 32_000,
  inputUsdPerMillion: '1',
  outputUsdPerMillion: '2',
}));
