import assert from 'node:assert/strict';
import type { ProviderErrorKind } from '../errors.ts';
import { question, replying, replyOf, TEXT } from './replies.ts';
import type { ConformanceSubject } from './subject.ts';
import {
  assertAbandoned,
  assertEndsByClose,
  type ConformanceRule,
  call,
  collect,
  promises,
  ruleMaker,
  type Trial,
} from './trial.ts';

/** What an HTTP status means. */
const KINDS: readonly [status: number, ...kinds: ProviderErrorKind[]][] = [
  [400, 'bad_request'],
  [401, 'authentication'],
  [403, 'permission'],
  [404, 'not_found'],
  [408, 'timeout'],
  [409, 'conflict'],
  [413, 'too_large'],
  [429, 'rate_limited'],
  [500, 'server'],
  [503, 'overloaded', 'server', 'unavailable'],
  [529, 'overloaded'],
];

const WHOLE = 'a whole answer';

interface Way {
  readonly name: string;
  attempt(trial: Trial, signal?: AbortSignal): Promise<unknown>;
}

/** How each kind of call fails. */
export function failureRules(subject: ConformanceSubject): ConformanceRule[] {
  const ways = waysOf(subject);
  return [
    ...ways.flatMap((way) => [...statusRules(subject, way), ...connectionRules(subject, way)]),
    ...ways.filter(({ name }) => name !== 'an embedding').flatMap((way) => refusalRules(subject, way)),
  ];
}

function waysOf(subject: ConformanceSubject): Way[] {
  const ways: Way[] = [];
  if (promises(subject, 'GENERATE')) {
    ways.push({
      name: WHOLE,
      attempt: async ({ provider }, signal) => provider.generate?.(question(subject), call(signal)),
    });
  }
  if (promises(subject, 'STREAM')) {
    ways.push({
      name: 'a streamed answer',
      attempt: ({ provider }, signal) => collect(provider.stream?.(question(subject), call(signal))),
    });
  }
  if (promises(subject, 'EMBED')) {
    ways.push({
      name: 'an embedding',
      attempt: async ({ provider }, signal) =>
        provider.embed?.(
          { model: subject.models.embed ?? '', texts: ['one', 'two'], purpose: 'document' },
          call(signal),
        ),
    });
  }
  return ways;
}

function statusRules(subject: ConformanceSubject, way: Way): ConformanceRule[] {
  const rule = ruleMaker(subject);
  const message = 'it went wrong in this way';
  return [
    ...KINDS.map(([status, ...kinds]) =>
      rule(
        `${way.name} that is answered with ${status} fails as ${kinds.join(' or ')}, after one request`,
        async (trial) => {
          trial.playFailure({ cause: status, message });
          const error = await trial.providerError(() => way.attempt(trial), ...kinds);
          assert.equal(error.status, status);
          assert.equal(trial.requests.length, 1, 'a provider never retries');
          assert.equal(error.retryAfterMs, undefined, 'nobody said when to come back');
        },
      ),
    ),
    rule(`${way.name} that is answered with a page of HTML fails by its status`, async (trial) => {
      trial.play({ do: 'answer', status: 502, headers: { 'content-type': 'text/html' }, body: '<h1>Bad Gateway</h1>' });
      await trial.providerError(() => way.attempt(trial), 'server', 'overloaded', 'unavailable');
    }),
    rule(`${way.name} that is told to wait says for how long, by seconds and by date`, async (trial) => {
      trial.playFailure({ cause: 429, message, headers: { 'retry-after': '7' } });
      const bySeconds = await trial.providerError(() => way.attempt(trial), 'rate_limited');
      assert.equal(bySeconds.retryAfterMs, 7_000);
      const date = new Date(Date.now() + 60_000).toUTCString();
      trial.playFailure({ cause: 429, message, headers: { 'retry-after': date } });
      const byDate = await trial.providerError(() => way.attempt(trial), 'rate_limited');
      assert.ok(
        (byDate.retryAfterMs ?? 0) > 30_000 && (byDate.retryAfterMs ?? 0) <= 60_000,
        String(byDate.retryAfterMs),
      );
    }),
    rule(`${way.name} never repeats a credential that the vendor's error holds`, async (trial) => {
      if (subject.secrets.length === 0) trial.leaveOut('the subject has no secrets');
      for (const secret of subject.secrets) {
        trial.playFailure({ cause: 401, message: `the key ${secret} is wrong` });
        // What it throws is searched for credentials, as all that is thrown here.
        await trial.providerError(() => way.attempt(trial), 'authentication');
      }
    }),
  ];
}

function connectionRules(subject: ConformanceSubject, way: Way): ConformanceRule[] {
  const rule = ruleMaker(subject);
  return [
    rule(`${way.name} whose connection is reset before the headers fails as network`, async (trial) => {
      trial.play({ do: 'reset' });
      await trial.providerError(() => way.attempt(trial), 'network');
      assert.equal(trial.requests.length, 1, 'a provider never retries');
    }),
    rule(`${way.name} that is no JSON is malformed`, async (trial) => {
      leaveOutPlainText(trial, way);
      trial.play({ do: 'answer', body: 'This is { no JSON' });
      await trial.providerError(() => way.attempt(trial), 'malformed', 'network', 'server');
    }),
    rule(`${way.name} that says nothing is malformed`, async (trial) => {
      leaveOutPlainText(trial, way);
      trial.play({ do: 'answer', body: {} });
      await trial.providerError(() => way.attempt(trial), 'malformed', 'network', 'server');
    }),
    rule(
      `${way.name} that is never answered ends with its caller's reason, and the socket is closed`,
      async (trial) => {
        trial.play({ do: 'silence' });
        const caller = new AbortController();
        const reason = new Error('the caller left');
        const failure = trial.failure(() => way.attempt(trial, caller.signal));
        const request = await trial.request();
        caller.abort(reason);
        assert.equal(await failure, reason);
        await assertAbandoned(request);
      },
    ),
    rule(`${way.name} for a caller that has left already sends no request`, async (trial) => {
      trial.play({ do: 'silence' });
      const reason = new Error('the caller left');
      assert.equal(await trial.failure(() => way.attempt(trial, AbortSignal.abort(reason))), reason);
      assert.equal(trial.requests.length, 0);
    }),
    rule(`${way.name} ends when the provider is closed, and later ones send no request`, async (trial) => {
      trial.play({ do: 'silence' });
      const failure = trial.failure(() => way.attempt(trial));
      const request = await trial.request();
      await trial.close();
      await assertEndsByClose(failure);
      await assertAbandoned(request);
      await trial.failure(() => way.attempt(trial));
      assert.equal(trial.requests.length, 1);
    }),
  ];
}

/** Any text is an answer then. */
function leaveOutPlainText(trial: Trial, { name }: Way): void {
  const isText = name === WHOLE && trial.subject.wire.chat?.isPlainText === true;
  if (isText) trial.leaveOut('whole answers are plain text: any body is one');
}

/** What a vendor refuses to answer. */
function refusalRules(subject: ConformanceSubject, way: Way): ConformanceRule[] {
  const rule = ruleMaker(subject);
  return [
    rule(`${way.name} to a prompt that is too long fails as context_length`, async (trial) => {
      trial.playFailure({ cause: 'context_length', message: 'too long' });
      await trial.providerError(() => way.attempt(trial), 'context_length');
    }),
    rule(`${way.name} to a prompt that the vendor's filter refuses fails as content_filter`, async (trial) => {
      trial.playFailure({ cause: 'content_filter', message: 'refused' });
      await trial.providerError(() => way.attempt(trial), 'content_filter');
    }),
    prefillRule(subject, way),
  ];
}

function prefillRule(subject: ConformanceSubject, { name }: Way): ConformanceRule {
  const beginning = 'The weather is';
  const asking = question(subject, {
    messages: [...question(subject).messages, { role: 'assistant', text: beginning }],
  });
  const attempt = async ({ provider }: Trial) =>
    name === WHOLE ? provider.generate?.(asking, call()) : collect(provider.stream?.(asking, call()));
  return ruleMaker(subject)(`${name} goes on from its beginning, or is refused as bad_request`, async (trial) => {
    let isAccepted = false;
    trial.play((request) => {
      const refusal = subject.wire.failure({ cause: 'prefill', message: 'no prefill' }, request);
      if (refusal !== undefined) return { do: 'answer', ...refusal };
      isAccepted = true;
      return replying(subject, replyOf(subject))(request);
    });
    const outcome = await attempt(trial).catch((error: unknown) => ({ error }));
    if (outcome !== undefined && 'error' in outcome) {
      await trial.providerError(() => Promise.reject(outcome.error), 'bad_request');
      return;
    }
    assert.ok(isAccepted && outcome?.text === TEXT, 'the refusal should have come through');
    const [request] = trial.requests;
    const last = request && subject.wire.chat?.asked(request).texts.at(-1);
    assert.deepEqual(last, { role: 'assistant', text: beginning }, 'the beginning should have gone out');
  });
}
