import { describe, expect, test } from 'vitest';
import { callWithRetries, type TryReport } from '../../../src/domain/gateway/attempt.ts';
import { ProviderFailedError } from '../../../src/domain/gateway/errors.ts';
import { ProviderError, type ProviderErrorKind } from '../../../src/plugins/errors.ts';

/** Calls a provider that fails in these ways, one after the other, and then answers. */
async function callFailing(kinds: readonly ProviderErrorKind[], signal = new AbortController().signal) {
  const left = [...kinds];
  const reports: TryReport<string>[] = [];
  const outcome = await callWithRetries(
    { integration: 'test', model: 'test/model', signal },
    async () => {
      const kind = left.shift();
      if (kind !== undefined) throw new ProviderError(kind, `failed: ${kind}`);
      return 'answer';
    },
    (report) => reports.push(report),
  ).catch((error: unknown) => error);
  return { outcome, outcomes: reports.map((report) => report.outcome) };
}

describe('a call of a provider', () => {
  test.each(['rate_limited', 'overloaded', 'server', 'network', 'timeout', 'unavailable', 'conflict'] as const)(
    'is tried again after %s',
    async (kind) => {
      expect(await callFailing([kind])).toEqual({ outcome: 'answer', outcomes: ['RETRIED', 'SUCCEEDED'] });
    },
  );

  test.each(['bad_request', 'context_length', 'content_filter', 'authentication', 'permission', 'not_found'] as const)(
    'is not sent again after %s',
    async (kind) => {
      const { outcome, outcomes } = await callFailing([kind]);
      expect(outcomes).toEqual(['FAILED']);
      expect(outcome).toBeInstanceOf(ProviderFailedError);
      expect(outcome).toMatchObject({ kind, retryable: false });
    },
  );

  test('is given up after three tries, each of which is reported', async () => {
    const { outcome, outcomes } = await callFailing(['server', 'network', 'overloaded', 'server']);
    expect(outcomes).toEqual(['RETRIED', 'RETRIED', 'FAILED']);
    expect(outcome).toMatchObject({
      retryable: true,
      attempts: [{ errorCode: 'server' }, { errorCode: 'network' }, { errorCode: 'overloaded' }],
    });
  });

  test('ends with the reason of the caller who left, and is reported as cancelled', async () => {
    const leaving = new AbortController();
    const reports: string[] = [];
    const call = callWithRetries(
      { integration: 'test', model: 'test/model', signal: leaving.signal },
      (signal) =>
        new Promise<never>((_, reject) =>
          signal.addEventListener('abort', () => reject(new ProviderError('cancelled', 'stopped'))),
        ),
      (report) => reports.push(report.outcome),
    );
    leaving.abort(new Error('the client has left'));
    await expect(call).rejects.toThrow('the client has left');
    expect(reports).toEqual(['CANCELLED']);
  });

  test('that throws something else than a provider error is a failure of the provider, without its words', async () => {
    const call = callWithRetries(
      { integration: 'test', model: 'test/model', signal: new AbortController().signal },
      async () => {
        throw new TypeError('secret internals');
      },
      () => undefined,
    );
    await expect(call).rejects.toThrow(/failed unexpectedly/);
  });
});
