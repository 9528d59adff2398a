import { describe, expect, test } from 'vitest';
import {
  clockJump,
  noFiles,
  noSuchName,
  type Report,
  redisGone,
  run,
  SCENARIOS,
  terminated,
} from '../chaos/scenarios.ts';

/** `npm run chaos`, cut short: see docs/reliability.md for what it measures. Each scenario has a gateway of its own. */
const SHORT = { perSecond: 100, maxSeconds: 5, settleSeconds: 3 };
const OPERATION_TIMEOUT_MS = 3_000;

const play = (name: string): Promise<Report> => {
  const scenario = SCENARIOS.find((one) => one.name === name);
  if (!scenario) throw new Error(`no scenario ${name}`);
  return run(scenario, SHORT);
};

const sum = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((a, b) => a + b, 0);

/** What holds whatever the fault. */
function expectSound(report: Report): void {
  expect(report.writtenTwice).toBe(0);
  expect(report.lost).toBe(0);
  expect(report.slowestMs).toBeLessThan(OPERATION_TIMEOUT_MS + 1_000);
  expect(report.amplification).toBeLessThanOrEqual(1.2);
  expect(report.healthyAfterMs).toBeLessThan(2_000);
  expect(report.after.fresh).toBeGreaterThan(0);
}

describe.concurrent('with the API gone', () => {
  test.each(['down, with staleIfError', 'silence, with staleIfError'])(
    'every known record is read, and marked as stale: %s',
    async (name) => {
      const report = await play(name);
      expectSound(report);
      const { fresh = 0, stale = 0 } = report.during;
      expect((fresh + stale) / sum(report.during)).toBeGreaterThanOrEqual(0.999);
      // The first call under way may still have been answered.
      expect(fresh).toBeLessThan(5);
    },
  );

  test.each(['down', 'silence', 'every call 503', 'reset in the body'])(
    'every read fails within its deadline, with a code: %s',
    async (name) => {
      const report = await play(name);
      expectSound(report);
      const { fresh = 0, UPSTREAM_UNAVAILABLE: unavailable = 0, UPSTREAM_TIMEOUT: timeout = 0 } = report.during;
      expect(fresh + unavailable + timeout).toBe(sum(report.during));
      expect(fresh).toBeLessThan(5);
    },
  );
});

test.concurrent.each(['30 % of calls 500', '429 beyond 50 a second, with Retry-After'])(
  'a fault that takes some calls leaves the others: %s',
  async (name) => {
    const report = await play(name);
    expect(report.writtenTwice).toBe(0);
    expect(report.lost).toBe(0);
    expect(report.amplification).toBeLessThanOrEqual(1.2);
    expect(report.during.fresh ?? 0).toBeGreaterThan(sum(report.during) * 0.1);
  },
);

test.concurrent('an API that answers nothing but 429 is called less, and every read fails within its deadline', async () => {
  const report = await play('every call 429, without Retry-After');
  expect(report).toMatchObject({ writtenTwice: 0, lost: 0 });
  expect(report.slowestMs).toBeLessThan(OPERATION_TIMEOUT_MS + 1_000);
  expect(report.amplification).toBeLessThan(0.8);
});

test.concurrent('Redis may go and come back', async () => {
  const report = await redisGone(SHORT);
  expectSound(report);
  expect(report.during).toEqual({ fresh: sum(report.during) });
});

test.concurrent('the clock may jump', async () => {
  const report = await clockJump(SHORT);
  expectSound(report);
  expect(report.during).toEqual({ fresh: sum(report.during) });
});

test.concurrent('a name that does not exist is an error at once', async () => {
  const report = await noSuchName({ ...SHORT, maxSeconds: 2 });
  expect(report.during).toEqual({ UPSTREAM_UNAVAILABLE: sum(report.during) });
});

test.concurrent('a process without files left survives', async () => {
  const report = await noFiles(SHORT);
  expect(report.writtenTwice).toBe(0);
  expect(report.healthyAfterMs).toBeLessThan(2_000);
  expect(report.after.fresh).toBeGreaterThan(0);
});

test.concurrent('SIGTERM under load loses no request', async () => {
  const report = await terminated(SHORT);
  expect(report).toMatchObject({ exitCode: 0, lost: 0, writtenTwice: 0 });
});
