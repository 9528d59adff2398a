import { describe, expect, it } from 'vitest';
import { TransportError, type TransportFailure } from '../../src/upstream/errors.ts';
import { Resilience } from '../../src/upstream/resilience.ts';
import { sendWithRetry } from '../../src/upstream/retry.ts';
import { settle } from '../helpers/pool.ts';

type Step = number | TransportFailure | TransportError;

/** Plays the steps in turn, the last one for ever; gives the outcome and the times of the attempts. */
async function play(steps: Step[]) {
  const at: number[] = [];
  const deadline = performance.now() + 5_000;
  const send = async () => {
    const step = steps[Math.min(at.length, steps.length) - 1] as Step;
    if (typeof step === 'number') return { status: step, body: '' };
    throw typeof step === 'string' ? new TransportError(step, true) : step;
  };
  const context = {
    signal: new AbortController().signal,
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
});
