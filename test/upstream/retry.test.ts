import { describe, expect, it } from 'vitest';
import type { UpstreamResponse } from '../../src/upstream/call.ts';
import { TransportError, type TransportFailure } from '../../src/upstream/errors.ts';
import { Resilience } from '../../src/upstream/resilience.ts';
import { sendWithRetry } from '../../src/upstream/retry.ts';
import { settle } from '../helpers/pool.ts';

type Step = number | TransportFailure | TransportError | UpstreamResponse;

/** Plays the steps in turn, the last one for ever; gives the outcome and the times of the attempts. */
async function play(steps: Step[], { timeoutMs = 5_000, signal = new AbortController().signal } = {}) {
  const at: number[] = [];
  const deadline = performance.now() + timeoutMs;
  const send = async () => {
    const step = steps[Math.min(at.length, steps.length) - 1] as Step;
    if (typeof step === 'number') return { status: step, body: '' };
    if (typeof step === 'string') throw new TransportError(step, true);
    if (step instanceof TransportError) throw step;
    return step;
  };
  const context = {
    signal,
    deadline: () => deadline,
    spend(attempt: number) {
      at.push(performance.now());
      expect(attempt).toBe(at.length);
    },
  };
  const request = { method: 'GET' as const, path: '/x', headers: [] };
  const [outcome] = await settle([sendWithRetry(send, request, context, new Resilience())]);
  return { outcome, attempts: at.length, pauses: at.slice(1).map((time, i) => time - (at[i] as number)) };
}

describe('a read', () => {
  it.each([
    ['CERT_HAS_EXPIRED', 1],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 1],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 1],
    ['ENOTFOUND', 1],
    ['EAI_AGAIN', 3],
    ['ECONNREFUSED', 3],
  ])('that got no connection because of %s has %i attempts', async (code, attempts) => {
    const error = new TransportError('unreachable', false, { cause: Object.assign(new Error(), { code }) });
    expect(await play([error])).toMatchObject({ outcome: 'unreachable', attempts });
  });

  it.each<[Step[], string | number, number]>([
    [[200], 200, 1],
    [[204], 204, 1],
    [[302], 302, 1],
    [[404], 404, 1],
    [[408], 408, 1],
    [[500, 200], 200, 2],
    [[429, 503, 200], 200, 3],
    [[500, 404], 404, 2],
    [['reset', 'unreachable', 200], 200, 3],
    [[500], 500, 3],
    [[429], 429, 3],
    [['reset'], 'reset', 3],
    [['unreachable'], 'unreachable', 3],
    [['timeout'], 'timeout', 1],
    [['malformed'], 'malformed', 1],
    [['too-large'], 'too-large', 1],
    [[503, 'timeout'], 'timeout', 2],
  ])('answered %j ends with %s after %d attempts', async (steps, outcome, attempts) => {
    expect(await play(steps)).toMatchObject({ outcome, attempts });
  });

  it('is tried again after a pause that grows', async () => {
    const { pauses } = await play([500]);
    expect(pauses[0]).toBeGreaterThan(20);
    expect(pauses[1]).toBeGreaterThan(45);
    for (const pause of pauses) expect(pause).toBeLessThan(2_000);
  });

  it('is tried again after Retry-After, at once when that is 0 or has passed', async () => {
    const wait = (retryAfter: string): Step[] => [{ status: 503, body: '', retryAfter }, 200];
    expect((await play(wait('1'))).pauses[0]).toBeGreaterThan(990);
    for (const past of ['0', 'Thu, 01 Jan 1970 00:00:00 GMT']) {
      expect((await play(wait(past))).pauses[0]).toBeLessThan(500);
    }
  });

  it('is answered at once when the deadline comes before the next attempt', async () => {
    const start = performance.now();
    const late: Step = { status: 503, body: '', retryAfter: '4' };
    expect(await play([late], { timeoutMs: 3_000 })).toMatchObject({ outcome: 503, attempts: 1 });
    expect(await play(['reset'], { timeoutMs: 20 })).toMatchObject({ outcome: 'reset', attempts: 1 });
    expect(performance.now() - start).toBeLessThan(2_500);
  });

  it('stops in a pause when its signal is aborted', async () => {
    const start = performance.now();
    const late: Step = { status: 503, body: '', retryAfter: '4' };
    const { outcome, attempts } = await play([late], { signal: AbortSignal.timeout(50) });
    expect([outcome, attempts]).toEqual([expect.anything(), 1]);
    expect(outcome).not.toBe(503);
    expect(performance.now() - start).toBeLessThan(2_500);
  });
});
