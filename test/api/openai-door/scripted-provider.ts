import { once } from 'node:events';
import type {
  CallContext,
  Capability,
  GenerateRequest,
  GenerateResult,
  ModelInfo,
  Provider,
  StreamPart,
} from '../../../src/plugins/contract.ts';
import type { ProviderError } from '../../../src/plugins/errors.ts';

/** What a model does with one request: its parts in order; an error breaks it off, `hang` waits until it is cancelled. */
export type Script = readonly (StreamPart | ProviderError | 'hang')[];

const WRITES: Capability[] = ['GENERATE', 'STREAM', 'STRUCTURED_OUTPUT', 'TOOLS', 'IMAGE_INPUT'];
const USAGE = { inputTokens: 11, outputTokens: 7, cachedInputTokens: 3 };

/** An answer in these pieces. */
export function says(...pieces: string[]): Script {
  return [...pieces.map((text): StreamPart => ({ kind: 'text', text })), finish('stop')];
}

export function finish(finishReason: GenerateResult['finishReason']): StreamPart {
  return { kind: 'finish', finishReason, usage: USAGE, model: 'scripted-1' };
}

/** The models `writer` and `second` beside those of the built-in provider; they answer as each test says. */
export class ScriptedModels {
  readonly requests: GenerateRequest[] = [];
  /** Settles for each request that was cancelled. */
  readonly cancelled: Promise<void>[] = [];
  readonly #scripts = new Map<string, Script[]>();

  /** The next answers of a model; the last one is given again and again. */
  play(model: 'writer' | 'second', ...scripts: Script[]): void {
    this.#scripts.set(model, scripts);
    this.requests.length = 0;
    this.cancelled.length = 0;
  }

  /** For `TestServerOptions.wrapProvider`. */
  readonly wrap = (provider: Provider): Provider => ({
    embed: (request, call) => (provider.embed as NonNullable<Provider['embed']>)(request, call),
    generate: (request, call) => this.#generate(request, call),
    stream: (request, call) => this.#stream(request, call),
    listModels: async (call) => [...(await provider.listModels(call)), ...MODELS],
    check: (call) => provider.check(call),
    close: () => provider.close(),
  });

  async *#stream(request: GenerateRequest, { signal }: CallContext): AsyncIterable<StreamPart> {
    this.requests.push(request);
    this.cancelled.push(once(signal, 'abort').then(() => undefined));
    const scripts = this.#scripts.get(request.model) ?? [];
    const script = (scripts.length > 1 ? scripts.shift() : scripts[0]) ?? [];
    for (const step of script) {
      if (step instanceof Error) throw step;
      if (step === 'hang') await once(signal, 'abort');
      signal.throwIfAborted();
      if (step !== 'hang') yield step;
    }
  }

  async #generate(request: GenerateRequest, call: CallContext): Promise<GenerateResult> {
    const answer = {
      text: '',
      reasoning: '',
      toolCalls: new Map<number, { id: string; name: string; arguments: string }>(),
    };
    for await (const part of this.#stream(request, call)) {
      if (part.kind === 'finish') {
        const { kind: _kind, ...end } = part;
        const reasoning = answer.reasoning === '' ? {} : { reasoning: answer.reasoning };
        return { text: answer.text, ...reasoning, toolCalls: [...answer.toolCalls.values()], ...end };
      }
      if (part.kind === 'text' || part.kind === 'reasoning') answer[part.kind] += part.text;
      else if (part.kind === 'toolCall') {
        const call = answer.toolCalls.get(part.index) ?? { id: part.id ?? '', name: part.name ?? '', arguments: '' };
        answer.toolCalls.set(part.index, { ...call, arguments: call.arguments + part.arguments });
      }
    }
    throw new Error('the script has no end');
  }
}

const MODELS: ModelInfo[] = ['writer', 'second'].map((name) => ({
  name,
  capabilities: WRITES,
  contextTokens: 32_000,
  inputUsdPerMillion: '1',
  outputUsdPerMillion: '2',
}));
