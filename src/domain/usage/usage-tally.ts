import { addDecimals } from '../../shared/decimal.ts';
import type { UsageEvent } from './usage-event.ts';

/** What one request has spent; goes out as `extensions.usage`. */
export interface RequestUsage {
  /** Exact decimal; null as soon as one price is not known, because the sum of the others would read as the whole. */
  costUsd: string | null;
  /** Input and output tokens together. */
  tokens: number;
  cacheHits: number;
  /** Tries at a provider: neither answers of the cache alone nor vector queries. */
  calls: number;
}

type Spending = Pick<UsageEvent, 'costUsd' | 'inputTokens' | 'outputTokens' | 'cacheHits' | 'outcome' | 'operation'>;

/** Adds up what one request spends. */
export class UsageTally {
  #costUsd: string | null = '0';
  #tokens = 0;
  #cacheHits = 0;
  #calls = 0;
  #events = 0;

  add(event: Spending): void {
    this.#events += 1;
    this.#tokens += event.inputTokens + event.outputTokens;
    this.#cacheHits += event.cacheHits;
    if (event.operation === 'vector_query') return;
    if (event.outcome !== 'CACHED') this.#calls += 1;
    this.#costUsd = this.#costUsd === null || event.costUsd === null ? null : addDecimals(this.#costUsd, event.costUsd);
  }

  /** Null where the request asked nothing of a model or of the vectors. */
  total(): RequestUsage | null {
    if (this.#events === 0) return null;
    return { costUsd: this.#costUsd, tokens: this.#tokens, cacheHits: this.#cacheHits, calls: this.#calls };
  }
}
