import { describe, expect, test } from 'vitest';
import { type HealthPass, IntegrationHealth } from '../../../src/domain/integrations/integration-health.ts';

/** A circuit with a clock that stands still until it is moved. */
function circuit() {
  let nowMs = 1_000_000;
  const health = new IntegrationHealth(() => nowMs);
  const pass = (): HealthPass => {
    const admitted = health.admit();
    if (admitted === null) throw new Error('no call may go through');
    return admitted;
  };
  const failTimes = (times: number) => {
    for (let i = 0; i < times; i++) pass().failed('server', 'down');
  };
  return { health, pass, failTimes, wait: (ms: number) => (nowMs += ms) };
}

describe('a circuit', () => {
  test('opens after five failures in a row, and lets nothing through', () => {
    const { health, failTimes } = circuit();
    failTimes(5);
    expect(health.report()).toMatchObject({ circuit: 'OPEN', successRate: 0, lastError: 'down' });
    expect(health.admit()).toBeNull();
  });

  test('opens when half of the last calls failed', () => {
    const { health, pass } = circuit();
    for (let i = 0; i < 5; i++) {
      pass().succeeded(10);
      pass().failed('network', 'broke');
    }
    expect(health.circuit).toBe('OPEN');
  });

  test.each(['bad_request', 'content_filter', 'context_length', 'rate_limited', 'cancelled'] as const)(
    'stays closed over %s, which says nothing of the provider',
    (kind) => {
      const { health, pass } = circuit();
      for (let i = 0; i < 20; i++) pass().failed(kind, 'refused');
      expect(health.circuit).toBe('CLOSED');
    },
  );

  test('lets one call try after a while, whose success closes it', () => {
    const { health, pass, failTimes, wait } = circuit();
    failTimes(5);
    wait(7_000);
    const probe = pass();
    expect(health.admit()).toBeNull();
    probe.succeeded(20);
    expect(health.report()).toMatchObject({ circuit: 'CLOSED', successRate: 1, p50Ms: 20 });
  });

  test('stays open longer each time its trial fails', () => {
    const { health, pass, failTimes, wait } = circuit();
    failTimes(5);
    wait(7_000);
    pass().failed('server', 'still down');
    wait(7_000);
    expect(health.admit()).toBeNull();
    wait(6_000);
    expect(health.admit()).not.toBeNull();
  });

  test('listens to its trial alone: calls from before it opened decide nothing', () => {
    const { health, pass, failTimes, wait } = circuit();
    const [early, other] = [pass(), pass()];
    failTimes(5);
    wait(7_000);
    const probe = pass();
    early.failed('cancelled', 'left');
    expect(health.admit()).toBeNull();
    other.failed('server', 'late');
    probe.succeeded(5);
    expect(health.circuit).toBe('CLOSED');
  });

  test('can be tried again where the trial was cancelled', () => {
    const { health, pass, failTimes, wait } = circuit();
    failTimes(5);
    wait(7_000);
    pass().failed('cancelled', 'the caller left');
    expect(health.admit()).not.toBeNull();
  });
});

test('a provider that asks for a pause is told as cooling until it is over', () => {
  const { health, pass, wait } = circuit();
  pass().failed('rate_limited', 'slow down', 3_000);
  expect(health.isCooling).toBe(true);
  wait(3_001);
  expect(health.isCooling).toBe(false);
});
