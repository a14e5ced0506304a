import { setTimeout as sleep } from 'node:timers/promises';
import type {
  CallContext,
  GenerateRequest,
  GenerateResult,
  Provider,
  StreamPart,
  TokenUsage,
} from '../../src/plugins/contract.ts';
import { ProviderError, type ProviderErrorKind } from '../../src/plugins/errors.ts';

/** What a scripted provider does with one call. */
export interface Step {
  /** Pieces of the answer; the last one is followed by `ending`. */
  pieces?: readonly string[];
  /** How the call ends: as it should, without a word, not at all, or with an error of this kind. */
  ending?: 'finish' | 'cut' | 'silence' | ProviderErrorKind;
  retryAfterMs?: number;
  /** Before the first piece. */
  delayMs?: number;
  /** The vendor does not say how many tokens it took. */
  tellsNoUsage?: boolean;
}

/** A provider that does what it is told, call after call; the last step is repeated. */
export interface ScriptedProvider extends Provider {
  readonly requests: GenerateRequest[];
  /** Calls whose signal was aborted while they were under way. */
  aborted: number;
}

const USAGE = { inputTokens: 10, outputTokens: 5 };
const UNTOLD = { inputTokens: 0, outputTokens: 0 };

export function scriptedProvider(...steps: Step[]): ScriptedProvider {
  const provider: ScriptedProvider = {
    requests: [],
    aborted: 0,
    async generate(request, call): Promise<GenerateResult> {
      let text = '';
      let usage: TokenUsage = UNTOLD;
      for await (const part of play(request, call)) {
        if (part.kind === 'text') text += part.text;
        if (part.kind === 'finish') usage = part.usage;
      }
      return { text, toolCalls: [], finishReason: 'stop', usage, model: request.model };
    },
    stream: (request, call) => play(request, call),
    listModels: async () => [
      { name: 'm', capabilities: ['GENERATE', 'STREAM'], inputUsdPerMillion: '1', outputUsdPerMillion: '2' },
    ],
    check: async () => undefined,
    close: async () => undefined,
  };
  async function* play(request: GenerateRequest, call: CallContext): AsyncGenerator<StreamPart> {
    const step = steps[Math.min(provider.requests.length, steps.length - 1)] ?? {};
    provider.requests.push(request);
    const { pieces = [], ending = 'finish', delayMs = 0, retryAfterMs, tellsNoUsage } = step;
    const usage = tellsNoUsage === true ? UNTOLD : USAGE;
    const noteAbort = () => {
      provider.aborted += 1;
    };
    call.signal.addEventListener('abort', noteAbort);
    try {
      if (delayMs > 0) await sleep(delayMs, undefined, { signal: call.signal });
      for (const text of pieces) yield { kind: 'text', text };
      if (ending === 'silence') await sleep(60_000, undefined, { signal: call.signal });
      if (ending === 'cut') return;
      if (ending !== 'finish')
        throw new ProviderError(ending as ProviderErrorKind, `failed: ${ending}`, { retryAfterMs });
      yield { kind: 'finish', finishReason: 'stop', usage, model: request.model };
    } finally {
      call.signal.removeEventListener('abort', noteAbort);
    }
  }
  return provider;
}
