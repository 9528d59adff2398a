import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ResilienceRegistry } from '../../src/datatrics/callers.ts';
import { endpointFor } from '../../src/datatrics/endpoints.ts';
import { TransportError } from '../../src/upstream/errors.ts';
import { Resilience } from '../../src/upstream/resilience.ts';

let now = 0;
beforeEach(() => {
  now = 100_000;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => vi.restoreAllMocks());

const resilience = () => new Resilience();
const fail = (one: Resilience, times = 1, stepMs = 0): void => {
  for (let i = 0; i < times; i++) {
    now += stepMs;
    one.recordAnswer(503);
  }
};

describe('a circuit breaker', () => {
  test('opens when half of the calls have failed for two seconds, and refuses at once', () => {
    const one = resilience();
    fail(one, 100, 19);
    expect(one.breaker.tryAcquire()).toBe(true);
    fail(one, 10, 19);
    expect(() => one.admit(now + 1_000)).toThrow(expect.objectContaining({ failure: 'open', sent: false }));
    expect(one.breaker.isOpen).toBe(true);
  });

  test.each([
    ['a burst of failures', 200, 1],
    ['a few failures over a long time', 29, 300],
  ])('does not open for %s', (_name, times, stepMs) => {
    const one = resilience();
    fail(one, times, stepMs);
    expect(one.breaker.tryAcquire()).toBe(true);
  });

  test('does not open while most calls succeed', () => {
    const one = resilience();
    for (let i = 0; i < 2_000; i++) {
      now += 10;
      one.recordAnswer(i % 3 === 0 ? 500 : 200);
      expect(one.breaker.tryAcquire()).toBe(true);
    }
  });

  test('does not count refusals, nor calls that the gateway ended', () => {
    const one = resilience();
    for (let i = 0; i < 1_000; i++) {
      now += 10;
      one.recordAnswer(404);
      one.recordError(new Error('the client went away'));
      one.recordError(new TransportError('busy', false));
    }
    expect(one.breaker.isOpen).toBe(false);
  });

  test('counts calls without an answer', () => {
    const one = resilience();
    for (let i = 0; i < 40; i++) {
      now += 100;
      one.recordError(new TransportError('timeout', true));
    }
    expect(one.breaker.isOpen).toBe(true);
  });

  test('admits one call each half second, also while that hangs, and closes with the first success', () => {
    const one = resilience();
    fail(one, 60, 50);
    const through: number[] = [];
    for (let i = 0; i < 200; i++) {
      now += 10;
      if (one.breaker.tryAcquire()) through.push(now);
    }
    expect(through.length).toBe(4);
    fail(one);
    expect(one.breaker.isOpen).toBe(true);
    one.recordAnswer(200);
    expect([one.breaker.isOpen, one.breaker.tryAcquire()]).toEqual([false, true]);
    fail(one, 20, 1);
    expect(one.breaker.isOpen).toBe(false);
  });

  test('forgets failures that were long ago', () => {
    const one = resilience();
    fail(one, 29, 60);
    now += 60_000;
    fail(one, 5);
    expect(one.breaker.isOpen).toBe(false);
  });
});

describe('a retry budget', () => {
  test('keeps repeated attempts below a fifth of the load, however many calls fail', () => {
    const one = resilience();
    let retries = 0;
    for (let i = 0; i < 500; i++) {
      now += 10;
      one.retryBudget.deposit();
      while (one.retryBudget.tryWithdraw()) retries += 1;
    }
    expect(retries).toBeLessThanOrEqual(100);
    expect(retries).toBeGreaterThan(50);
  });

  test('fills up again with time', () => {
    const one = resilience();
    const taken = Array.from({ length: 51 }, () => one.retryBudget.tryWithdraw());
    expect(taken.filter((isTaken) => isTaken)).toHaveLength(50);
    now += 1_000;
    expect([one.retryBudget.tryWithdraw(), one.retryBudget.tryWithdraw()]).toEqual([true, false]);
  });
});

describe('a rate controller', () => {
  test('sets no limit for a single 429', () => {
    const one = resilience();
    one.recordAnswer(429, 60_000);
    expect([one.rate.reserve(now + 1), one.rate.isLimiting]).toEqual([0, false]);
  });

  test('limits calls to the accepted rate after several 429s, and Retry-After delays all', () => {
    const one = resilience();
    for (let i = 0; i < 40; i++) one.recordAnswer(200);
    for (let i = 0; i < 5; i++) one.recordAnswer(429, 1_000);
    expect(one.rate.reserve(now + 15_000)).toBe(1_000);
    expect(one.rate.reserve(now + 15_000)).toBe(1_025);
    expect(one.rate.reserve(now + 1_000)).toBeUndefined();
  });

  test('slows down with each second that has a 429, to its floor, and speeds up without', () => {
    const one = resilience();
    const gap = (): number => {
      const first = one.rate.reserve(Number.POSITIVE_INFINITY) as number;
      return (one.rate.reserve(Number.POSITIVE_INFINITY) as number) - first;
    };
    for (let i = 0; i < 20; i++) one.recordAnswer(200);
    for (let i = 0; i < 5; i++) one.recordAnswer(429);
    expect(gap()).toBeCloseTo(50);
    now += 1_000;
    one.recordAnswer(429);
    one.recordAnswer(429);
    expect(gap()).toBeCloseTo(62.5);
    for (let i = 0; i < 10; i++) {
      now += 1_000;
      one.recordAnswer(429);
    }
    expect(gap()).toBeCloseTo(100);
    now += 5_000;
    expect(gap()).toBeLessThan(20);
    now += 30_000;
    expect([one.rate.reserve(now), one.rate.isLimiting]).toEqual([0, false]);
  });

  test('does not hold calls longer than its bound', () => {
    const one = resilience();
    for (let i = 0; i < 5; i++) one.recordAnswer(429, 86_400_000);
    expect(one.rate.reserve(Number.POSITIVE_INFINITY)).toBe(60_000);
  });
});

test('projects and groups have their own breaker and rate, and only so many projects are kept', () => {
  const registry = new ResilienceRegistry({ profile: { attempts: 1 } }, 1_000);
  const [profile, sale] = [endpointFor('profile', 'get'), endpointFor('conversion', 'get')];
  fail(registry.of('1', profile), 100, 50);
  expect(registry.of('1', profile).breaker.isOpen).toBe(true);
  expect(registry.of('1', sale).breaker.isOpen).toBe(false);
  expect(registry.of('2', profile).breaker.isOpen).toBe(false);
  expect(registry.of('2', profile).attempts).toBe(1);
  expect(registry.of('2', sale).attempts).toBe(3);
  expect(registry.values().filter(({ breaker }) => breaker.isOpen)).toHaveLength(1);
  for (let i = 0; i < 2_000; i++) registry.of(`p${i}`, profile);
  expect(registry.of('1', profile).breaker.isOpen).toBe(false);
});
