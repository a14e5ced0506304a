import { Counter, Gauge, Histogram, type Metric, type Registry } from 'prom-client';
import type { AttemptObserver, ObservedAttempt } from './model-call-observer.ts';

/** Plugins that have a label of their own, of all that are ever registered; those beyond are `other`. */
const PLUGINS_MAX = 50;
const OTHER = 'other';

/** Attempts that gave nothing. */
const FAILURES: ReadonlySet<string> = new Set(['FAILED', 'RETRIED', 'RESTARTED']);

interface AiMetricsParts {
  /** Whether a plugin of this id is registered: no label is what a client made up. */
  isPlugin: (pluginId: string) => boolean;
  /** Circuits that are open now, by plugin. */
  openCircuits: () => ReadonlyMap<string, number>;
}

/**
 * What models do and cost, as Prometheus counts it. Labels are operations, plugins, outcomes and kinds of error: sets that
 * the code bounds. Never a workspace, a key, an integration or a model.
 */
export class AiMetrics implements AttemptObserver {
  readonly #parts: AiMetricsParts;
  readonly #plugins = new Set<string>();
  readonly #duration = new Histogram({
    name: 'ai_processing_duration_seconds',
    help: 'Time that an attempt at a provider took',
    labelNames: ['operation', 'provider', 'outcome'],
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300],
    registers: [],
  });
  readonly #tokens = new Counter({
    name: 'ai_tokens_used_total',
    help: 'Tokens that models read (input) and wrote (output)',
    labelNames: ['direction', 'provider'],
    registers: [],
  });
  readonly #cost = new Counter({
    name: 'ai_cost_dollars_total',
    help: 'US dollars that attempts with a known price have cost',
    labelNames: ['provider'],
    registers: [],
  });
  readonly #errors = new Counter({
    name: 'ai_processing_errors_total',
    help: 'Attempts at a provider that failed',
    labelNames: ['kind', 'provider'],
    registers: [],
  });
  readonly #cacheHits = new Counter({
    name: 'ai_cache_hits_total',
    help: 'Texts and answers that a cache gave',
    labelNames: ['kind'],
    registers: [],
  });
  readonly #circuits: Gauge<'provider'>;

  constructor(parts: AiMetricsParts) {
    this.#parts = parts;
    const countCircuits = (gauge: Gauge<'provider'>) => this.#countCircuits(gauge);
    this.#circuits = new Gauge({
      name: 'ai_circuits_open',
      help: 'Integrations that are left alone because they have failed too often',
      labelNames: ['provider'],
      registers: [],
      collect() {
        countCircuits(this);
      },
    });
  }

  registerIn(registry: Registry): void {
    const metrics: Metric[] = [this.#duration, this.#tokens, this.#cost, this.#errors, this.#cacheHits, this.#circuits];
    for (const metric of metrics) registry.registerMetric(metric);
  }

  attemptEnded(attempt: ObservedAttempt): void {
    const { operation, outcome, inputTokens, outputTokens } = attempt;
    if (attempt.cacheKind !== null && attempt.cacheHits > 0) {
      this.#cacheHits.inc({ kind: attempt.cacheKind.toLowerCase() }, attempt.cacheHits);
    }
    // Nothing was processed.
    if (outcome === 'CACHED') return;
    const provider = this.#labelOf(attempt.pluginId);
    this.#duration.observe({ operation, provider, outcome }, attempt.durationMs / 1_000);
    if (inputTokens > 0) this.#tokens.inc({ direction: 'input', provider }, inputTokens);
    if (outputTokens > 0) this.#tokens.inc({ direction: 'output', provider }, outputTokens);
    const costUsd = Number(attempt.costUsd ?? 0);
    if (costUsd > 0) this.#cost.inc({ provider }, costUsd);
    if (FAILURES.has(outcome)) this.#errors.inc({ kind: attempt.errorKind ?? 'unknown', provider });
  }

  #countCircuits(gauge: Gauge<'provider'>): void {
    gauge.reset();
    for (const [pluginId, open] of this.#parts.openCircuits()) gauge.inc({ provider: this.#labelOf(pluginId) }, open);
  }

  #labelOf(pluginId: string): string {
    if (this.#plugins.has(pluginId)) return pluginId;
    if (this.#plugins.size >= PLUGINS_MAX || !this.#parts.isPlugin(pluginId)) return OTHER;
    this.#plugins.add(pluginId);
    return pluginId;
  }
}
