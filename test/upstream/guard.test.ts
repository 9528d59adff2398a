import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Guards } from '../../src/datatrics/resilience-registry.ts';
import { TransportError } from '../../src/upstream/errors.ts';
import { DEFAULT_POLICY, type Policy } from '../../src/upstream/policy.ts';
import { Guard } from '../../src/upstream/resilience.ts';

let now = 0;
beforeEach(() => {
  now = 100_000;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => vi.restoreAllMocks());

const guard = (policy: Partial<Policy> = {}) => new Guard({ ...DEFAULT_POLICY, ...policy });
const fail = (one: Guard, times = 1, stepMs = 0): void => {
  for (let i = 0; i < times; i++) {
    now += stepMs;
    one.note(503, undefined);
  }
};

describe('a breaker', () => {
  test('opens when half of the calls have failed for two seconds, and says so at once', () => {
    const one = guard();
    fail(one, 100, 19);
    expect(one.refusal()).toBeNull();
    fail(one, 10, 19);
    expect(one.refusal()).toMatchObject({ failure: 'open', sent: false });
    expect(one.isOpen).toBe(true);
  });

  test.each([
    ['a burst of failures', 200, 1],
    ['a few failures over a long time', 29, 300],
  ])('does not open for %s', (_name, times, stepMs) => {
    const one = guard();
    fail(one, times, stepMs);
    expect(one.refusal()).toBeNull();
  });

  test('does not open while most calls succeed', () => {
    const one = guard();
    for (let i = 0; i < 2_000; i++) {
      now += 10;
      one.note(i % 3 === 0 ? 500 : 200, undefined);
      expect(one.refusal()).toBeNull();
    }
  });

  test('does not count refusals, nor what was given up by us', () => {
    const one = guard();
    for (let i = 0; i < 1_000; i++) {
      now += 10;
      one.note(404, undefined);
      one.noteFailure(new Error('the client went away'));
      one.noteFailure(new TransportError('busy', false));
    }
    expect(one.isOpen).toBe(false);
  });

  test('counts calls without an answer', () => {
    const one = guard();
    for (let i = 0; i < 40; i++) {
      now += 100;
      one.noteFailure(new TransportError('timeout', true));
    }
    expect(one.isOpen).toBe(true);
  });

  test('lets one call through each half second, also while that hangs, and closes with the first success', () => {
    const one = guard();
    fail(one, 60, 50);
    const through: number[] = [];
    for (let i = 0; i < 200; i++) {
      now += 10;
      if (one.refusal() === null) through.push(now);
    }
    expect(through.length).toBe(4);
    fail(one);
    expect(one.isOpen).toBe(true);
    one.note(200, undefined);
    expect([one.isOpen, one.refusal()]).toEqual([false, null]);
    fail(one, 20, 1);
    expect(one.isOpen).toBe(false);
  });

  test('forgets failures that were long ago', () => {
    const one = guard();
    fail(one, 29, 60);
    now += 60_000;
    fail(one, 5);
    expect(one.isOpen).toBe(false);
  });
});

describe('a retry budget', () => {
  test('keeps repeated attempts below a fifth of the load, however many calls fail', () => {
    const one = guard();
    let retries = 0;
    for (let i = 0; i < 500; i++) {
      now += 10;
      one.begin();
      while (one.mayRetry()) retries += 1;
    }
    expect(retries).toBeLessThanOrEqual(100);
    expect(retries).toBeGreaterThan(50);
  });

  test('fills up again with time', () => {
    const one = guard({ retryBurst: 2 });
    expect([one.mayRetry(), one.mayRetry(), one.mayRetry()]).toEqual([true, true, false]);
    now += 1_000;
    expect([one.mayRetry(), one.mayRetry()]).toEqual([true, false]);
  });
});

describe('a pace', () => {
  test('is none for a single 429', () => {
    const one = guard();
    one.note(429, 60_000);
    expect([one.waitMs(now + 1), one.isPaced]).toEqual([0, false]);
  });

  test('is set by several to what was answered, and Retry-After holds all', () => {
    const one = guard();
    for (let i = 0; i < 40; i++) one.note(200, undefined);
    for (let i = 0; i < 5; i++) one.note(429, 1_000);
    expect(one.waitMs(now + 15_000)).toBe(1_000);
    expect(one.waitMs(now + 15_000)).toBe(1_025);
    expect(one.waitMs(now + 1_000)).toBeUndefined();
  });

  test('becomes slower with each second that has a 429, down to its floor, and faster without', () => {
    const one = guard({ paceFloor: 10 });
    const gap = (): number => {
      const first = one.waitMs(Number.POSITIVE_INFINITY) as number;
      return (one.waitMs(Number.POSITIVE_INFINITY) as number) - first;
    };
    for (let i = 0; i < 20; i++) one.note(200, undefined);
    for (let i = 0; i < 5; i++) one.note(429, undefined);
    expect(gap()).toBeCloseTo(50);
    now += 1_000;
    one.note(429, undefined);
    one.note(429, undefined);
    expect(gap()).toBeCloseTo(62.5);
    for (let i = 0; i < 10; i++) {
      now += 1_000;
      one.note(429, undefined);
    }
    expect(gap()).toBeCloseTo(100);
    now += 5_000;
    expect(gap()).toBeLessThan(20);
    now += 30_000;
    expect([one.waitMs(now), one.isPaced]).toEqual([0, false]);
  });

  test('does not hold longer than its bound', () => {
    const one = guard();
    for (let i = 0; i < 5; i++) one.note(429, 86_400_000);
    expect(one.waitMs(Number.POSITIVE_INFINITY)).toBe(60_000);
  });
});

test('projects and groups are guarded apart, and only so many projects', () => {
  const guards = new Guards({ profile: { ...DEFAULT_POLICY, attempts: 1 } }, DEFAULT_POLICY, 1_000);
  fail(guards.of('1', 'profile'), 100, 50);
  expect(guards.of('1', 'profile').isOpen).toBe(true);
  expect(guards.of('1', 'sale').isOpen).toBe(false);
  expect(guards.of('2', 'profile').isOpen).toBe(false);
  expect(guards.of('2', 'profile').policy.attempts).toBe(1);
  expect(guards.of('2', 'sale').policy.attempts).toBe(3);
  expect(guards.state).toEqual({ open: 1, paced: 0 });
  for (let i = 0; i < 2_000; i++) guards.of(`p${i}`, 'profile');
  expect(guards.of('1', 'profile').isOpen).toBe(false);
});
