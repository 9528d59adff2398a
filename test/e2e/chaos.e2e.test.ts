import { describe, expect, test } from 'vitest';
import { type Report, run } from '../chaos/scenarios.ts';

/** `npm run chaos`, cut short: see docs/reliability.md for what it measures. Each scenario has a gateway of its own. */
const SHORT = { perSecond: 100, maxSeconds: 4, settleSeconds: 3 };
/** Until time-outs have opened the circuit breaker for good. */
const SILENCE = { ...SHORT, maxSeconds: 5 };
const OPERATION_TIMEOUT_MS = 3_000;

/** What holds whatever the fault. */
async function play(name: string): Promise<Report & { total: number; fresh: number }> {
  const report = await run(name, name.startsWith('silence') ? SILENCE : SHORT);
  expect(report).toMatchObject({ writtenTwice: 0, lost: 0 });
  expect(report.amplification).toBeLessThanOrEqual(1.2);
  const total = Object.values(report.during).reduce((a, b) => a + b, 0);
  return { ...report, total, fresh: report.during.fresh ?? 0 };
}

/** What holds where no call can be answered, or where none fails. */
function expectSound({ slowestMs, healthyAfterMs, after }: Report): void {
  expect(slowestMs).toBeLessThan(OPERATION_TIMEOUT_MS + 1_000);
  expect(healthyAfterMs).toBeLessThan(2_000);
  expect(after.fresh).toBeGreaterThan(0);
}

describe.concurrent('under load', () => {
  // With `staleIfError`, every known record is read, and marked as stale.
  test.each(['down, with staleIfError', 'silence', 'every call 503', 'reset in the body'])(
    'every read has its answer, or fails with a code, within its deadline: %s',
    async (name) => {
      const report = await play(name);
      expectSound(report);
      const isStale = name.includes('stale');
      const { stale = 0, UPSTREAM_UNAVAILABLE: unavailable = 0, UPSTREAM_TIMEOUT: timeout = 0 } = report.during;
      const expected = report.fresh + (isStale ? stale : unavailable + timeout);
      expect(expected / report.total).toBeGreaterThanOrEqual(isStale ? 0.999 : 1);
      // The first call under way may still have been answered.
      expect(report.fresh).toBeLessThan(5);
    },
  );

  test.each(['30 % of calls 500', '429 beyond 50 a second, with Retry-After'])(
    'a fault of some calls leaves the others: %s',
    async (name) => {
      const { fresh, total } = await play(name);
      expect(fresh).toBeGreaterThan(total * 0.1);
    },
  );

  test('an API that answers nothing but 429 is called less, and every read fails within its deadline', async () => {
    const { slowestMs, amplification } = await play('every call 429, without Retry-After');
    expect(slowestMs).toBeLessThan(OPERATION_TIMEOUT_MS + 1_000);
    expect(amplification).toBeLessThan(0.9);
  });

  test.each(['Redis killed and back', 'clock a day ahead, and back'])('no read fails: %s', async (name) => {
    const report = await play(name);
    expectSound(report);
    expect(report.during).toEqual({ fresh: report.total });
  });

  test('a name that does not exist is an error at once', async () => {
    const { during, total } = await play('DNS failure');
    expect(during).toEqual({ UPSTREAM_UNAVAILABLE: total });
  });

  test('a process without files left survives', async () => {
    const report = await run('out of file descriptors', SHORT);
    expect(report).toMatchObject({ writtenTwice: 0 });
    expect(report.healthyAfterMs).toBeLessThan(2_000);
    expect(report.after.fresh).toBeGreaterThan(0);
  });

  test('SIGTERM loses no request, and the exit code is 0', async () => {
    expect((await play('SIGTERM under load')).exitCode).toBe(0);
  });
});
