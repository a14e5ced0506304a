import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { UsageRecorder } from '../domain/usage/usage-recorder.ts';
import type { QueueDepths } from '../jobs/queue-depths.ts';
import type { AiMetrics } from '../observability/ai-metrics.ts';

/** What `/metrics` tells of the server itself. */
export interface ServerMetrics {
  registry: Registry;
  /** Seconds an operation took; label `outcome`: ok or error. */
  operations: Histogram<'outcome'>;
  /** Seconds a request to the OpenAI door took, streams to their end; `status` is 0 where the client has left. */
  doorRequests: Histogram<'route' | 'status'>;
  /** Subscribers that were closed because they read nothing; label `door`: websocket or sse. */
  givenUp: Counter<'door'>;
}

/** What `/metrics` reads. */
export interface MetricSources {
  recorder: UsageRecorder;
  aiMetrics: AiMetrics;
  queueDepths: QueueDepths;
}

export function createServerMetrics({ recorder, aiMetrics, queueDepths }: MetricSources): ServerMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  aiMetrics.registerIn(registry);
  new Gauge({
    name: 'ai_queue_depth',
    help: 'Jobs that wait in a queue, up to 100,000; those of dead_letter wait for somebody to look',
    labelNames: ['queue'],
    registers: [registry],
    async collect() {
      for (const [queue, depth] of await queueDepths.read()) this.set({ queue }, depth);
    },
  });
  new Gauge({
    name: 'signalbox_usage_events_pending',
    help: 'Usage events that are not written yet',
    registers: [registry],
    collect() {
      this.set(recorder.counts.pending);
    },
  });
  new Gauge({
    name: 'signalbox_usage_events_rejected_total',
    help: 'Usage events that could not be kept',
    registers: [registry],
    collect() {
      this.set(recorder.counts.rejected);
    },
  });
  const operations = new Histogram({
    name: 'signalbox_graphql_operation_seconds',
    help: 'Time to execute a GraphQL operation',
    labelNames: ['outcome'],
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30],
    registers: [registry],
  });
  const doorRequests = new Histogram({
    name: 'signalbox_openai_request_seconds',
    help: 'Time to answer a request to the OpenAI-compatible door',
    labelNames: ['route', 'status'],
    buckets: [0.005, 0.05, 0.25, 1, 5, 15, 60, 300],
    registers: [registry],
  });
  const givenUp = new Counter({
    name: 'signalbox_subscribers_given_up_total',
    help: 'Subscribers that were closed because they read nothing for too long',
    labelNames: ['door'],
    registers: [registry],
  });
  return { registry, operations, doorRequests, givenUp };
}
