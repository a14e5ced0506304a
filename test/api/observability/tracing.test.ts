import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createLogger } from '../../../src/observability/logger.ts';
import { startTracing } from '../../../src/observability/tracing.ts';
import { ProviderError } from '../../../src/plugins/errors.ts';
import { filesBelow, readSource } from '../../architecture/source-tree.ts';
import { ScriptedModels, says } from '../openai-door/scripted-provider.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

type Value = { stringValue?: string; intValue?: number; doubleValue?: number; boolValue?: boolean };
interface WireSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  attributes: { key: string; value: Value & { arrayValue?: { values: Value[] } } }[];
  status: { code?: number; message?: string };
  startTimeUnixNano: string;
  endTimeUnixNano: string;
}
interface WireTraces {
  resourceSpans: { resource: { attributes: WireSpan['attributes'] }; scopeSpans: { spans: WireSpan[] }[] }[];
}

const [INTERNAL, CLIENT] = [1, 3];
const ERROR = 2;
const TRACE = { trace: '4bf92f3577b34da6a3ce929d0e0e4736', span: '00f067aa0ba902b7' };
const TRACEPARENT = `00-${TRACE.trace}-${TRACE.span}-01`;

/** A collector on this machine. */
class Collector {
  readonly #server: Server;
  readonly requests: { url: string; headers: IncomingHttpHeaders; body: string }[] = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<Collector> {
    const server = createServer(async (request, response) => {
      collector.requests.push({ url: request.url ?? '', headers: request.headers, body: await text(request) });
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
    const collector = new Collector(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return collector;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get spans(): WireSpan[] {
    const traces = this.requests.map(({ body }) => JSON.parse(body) as WireTraces);
    return traces.flatMap(({ resourceSpans }) =>
      resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
    );
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

function attributesOf({ attributes }: Pick<WireSpan, 'attributes'>): Record<string, unknown> {
  const plain = (value: Value) => value.stringValue ?? value.intValue ?? value.doubleValue ?? value.boolValue;
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.arrayValue?.values.map(plain) ?? plain(value)]),
  );
}

test('OpenTelemetry is loaded only where spans are wanted: no file imports it before', () => {
  const sources = filesBelow(['src'], ['ts']).map((path) => ({ path, source: readSource(path) }));
  const loading = sources.filter(({ source }) => /^import (?!type)[^;]*@opentelemetry/m.test(source));
  expect(loading.map(({ path }) => path)).toEqual([]);
  const early = sources.filter(({ source }) => /^import (?!type)[^;]*\/tracing\.ts/m.test(source));
  expect(early.map(({ path }) => path)).toEqual([]);
});

describe('with a collector', () => {
  const models = new ScriptedModels();
  let collector: Collector;
  let server: TestServer;
  let workspace: WorkspaceClient;
  beforeEach(async () => {
    collector = await Collector.start();
    server = await startTestServer({
      wrapProvider: models.wrap,
      environment: {
        OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/`,
        OTEL_EXPORTER_OTLP_HEADERS: 'x-team=search%20team,authorization=Bearer%20t',
        OTEL_SERVICE_NAME: 'signalbox-test',
      },
    });
    workspace = await openWorkspace(server);
    return async () => {
      await server.close();
      collector.close();
    };
  });

  const chat = (fields: object, headers: Record<string, string> = {}) =>
    fetch(`${server.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${workspace.ownerKey}`, 'content-type': 'application/json', ...headers },
      body: JSON.stringify({
        model: 'local/writer',
        messages: [{ role: 'user', content: 'the secret question' }],
        ...fields,
      }),
      signal: AbortSignal.timeout(50_000),
    }).then((response) => response.text());

  /** The spans, which a stop sends on. */
  async function spansAtStop(): Promise<WireSpan[]> {
    await server.close();
    return collector.spans;
  }

  test('a call is a span of its request’s trace, with one below it for each attempt', async () => {
    models.play('writer', [new ProviderError('overloaded', 'the secret failure')], says('the secret answer'));
    await chat({}, { traceparent: TRACEPARENT, 'x-request-id': 'req-traced' });
    const spans = await spansAtStop();
    const [call, ...others] = spans.filter(({ kind }) => kind === INTERNAL) as [WireSpan, ...WireSpan[]];
    expect(others).toEqual([]);
    expect(call).toMatchObject({ traceId: TRACE.trace, parentSpanId: TRACE.span, name: 'chat local/writer' });
    expect(attributesOf(call)).toEqual({
      'gen_ai.operation.name': 'chat',
      'gen_ai.request.model': 'local/writer',
      'gen_ai.response.model': 'writer',
      'gen_ai.response.finish_reasons': ['stop'],
      'gen_ai.provider.name': 'local',
      'gen_ai.usage.input_tokens': 11,
      'gen_ai.usage.output_tokens': 7,
      'signalbox.operation': 'chat',
      'signalbox.workspace.id': workspace.id,
      'signalbox.request.id': 'req-traced',
      'signalbox.attempts': 2,
      'signalbox.cached': false,
    });
    const attempts = spans.filter(({ kind }) => kind === CLIENT);
    expect(attempts).toHaveLength(2);
    for (const attempt of attempts) {
      expect(attempt).toMatchObject({ traceId: TRACE.trace, parentSpanId: call.spanId, name: 'chat writer' });
      expect(BigInt(attempt.startTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(call.startTimeUnixNano));
      expect(BigInt(attempt.endTimeUnixNano)).toBeLessThanOrEqual(BigInt(call.endTimeUnixNano));
    }
    const [failed, good] = attempts as [WireSpan, WireSpan];
    expect(failed.status.code).toBe(ERROR);
    expect(attributesOf(failed)).toMatchObject({ 'error.type': 'overloaded', 'signalbox.outcome': 'RETRIED' });
    expect(attributesOf(good)).toMatchObject({
      'gen_ai.provider.name': 'local',
      'gen_ai.request.model': 'writer',
      'gen_ai.usage.input_tokens': 11,
      'gen_ai.usage.output_tokens': 7,
      'gen_ai.usage.cache_read.input_tokens': 3,
      'signalbox.outcome': 'SUCCEEDED',
    });
    const sent = collector.requests.map(({ body }) => body).join();
    expect(sent).not.toContain('secret');
  });

  test('spans go to /v1/traces as JSON, with the headers and the service’s name that are set', async () => {
    models.play('writer', says('Yes.'));
    await chat({});
    await spansAtStop();
    const [request] = collector.requests;
    expect(request?.url).toBe('/v1/traces');
    expect(request?.headers).toMatchObject({
      'content-type': 'application/json',
      'x-team': 'search team',
      authorization: 'Bearer t',
    });
    const [sent] = (JSON.parse(request?.body ?? '') as WireTraces).resourceSpans;
    expect(attributesOf(sent?.resource ?? { attributes: [] })).toMatchObject({ 'service.name': 'signalbox-test' });
  });

  test('a streamed answer, a failure, a cached answer, vectors and a refusal are told as such', async () => {
    models.play('writer', says('Yes.'));
    await chat({ stream: true });
    await chat({ stream: true });
    models.play('writer', [new ProviderError('bad_request', 'no')]);
    await chat({ temperature: 1 });
    const query = { headers: { traceparent: TRACEPARENT }, key: workspace.ownerKey };
    // The second goes the short way, which queries take that have come before.
    for (const texts of [['one'], ['two']]) {
      await server.query('query ($texts: [String!]!) { embed(texts: $texts) { cached } }', { texts }, query);
    }
    await workspace.read('mutation { updateSettings(input: { policies: { requestsPerMinute: 1 } }) { __typename } }');
    await chat({ temperature: 0.5 });
    await chat({ temperature: 0.25 });
    const calls = (await spansAtStop()).filter(({ kind }) => kind === INTERNAL);
    const [streamed, cached, failed, first, second, , refused] = calls.map(attributesOf);
    expect(streamed).toMatchObject({
      'gen_ai.request.stream': true,
      'gen_ai.response.finish_reasons': ['stop'],
      'gen_ai.usage.output_tokens': 7,
    });
    expect(cached).toMatchObject({
      'signalbox.cached': true,
      'signalbox.attempts': 0,
      'gen_ai.usage.output_tokens': 0,
    });
    expect(failed).toMatchObject({ 'error.type': 'PROVIDER_FAILED', 'signalbox.attempts': 1 });
    for (const embedded of [first, second]) expect(embedded).toMatchObject({ 'gen_ai.operation.name': 'embeddings' });
    expect(calls.slice(3, 5).map(({ traceId }) => traceId)).toEqual([TRACE.trace, TRACE.trace]);
    expect(refused).toMatchObject({ 'error.type': 'RATE_LIMITED', 'signalbox.attempts': 0 });
    expect(calls[0]?.parentSpanId ?? '').toBe('');
    expect(calls[0]?.traceId).not.toBe(TRACE.trace);
  });

  test('a trace that the client does not sample is not sent', async () => {
    models.play('writer', says('Yes.'));
    await chat({}, { traceparent: `00-${TRACE.trace}-${TRACE.span}-00` });
    expect(await spansAtStop()).toEqual([]);
  });

  test('a header that is no trace begins one of its own', async () => {
    models.play('writer', says('Yes.'));
    await chat({}, { traceparent: '00-00000000000000000000000000000000-00f067aa0ba902b7-01' });
    const [call] = (await spansAtStop()).filter(({ kind }) => kind === INTERNAL);
    expect(call?.traceId).toMatch(/^(?!0{32})[0-9a-f]{32}$/);
    expect(call?.parentSpanId ?? '').toBe('');
  });
});

describe('a collector that does not answer', () => {
  let silent: Server;
  let tracing: Awaited<ReturnType<typeof startTracing>>;
  beforeAll(async () => {
    silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    tracing = await startTracing({ endpoint, headers: {}, serviceName: 'signalbox' }, createLogger('silent'));
  });
  afterAll(() => {
    silent.close();
    silent.closeAllConnections();
  });

  test('holds up neither calls nor, for longer than its bound, the stop', async () => {
    const asked = { method: 'generate', operation: 'chat', model: null, workspaceId: 'ws', requestId: 'req' };
    tracing.tracer.begin({ ...asked, traceparent: null }).end({ finishReason: 'stop' });
    await tracing.close();
  }, 9_000);
});
