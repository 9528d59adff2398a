import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startUpstream } from '../helpers/gateway.ts';
import { openPool, settle } from '../helpers/pool.ts';

const upstream = await startUpstream(async ({ path }) => {
  await sleep(path === '/slow' ? 300 : 20);
  return {};
});

test('of the calls that wait for a connection the most urgent goes first, equal ones in their order', async () => {
  const { get } = openPool(upstream.origin, { connections: 1 });
  const priorities = { '/running': 9, '/late': 3, '/first': 1, '/second': 1, '/next': 2 };
  await Promise.all(Object.entries(priorities).map(([path, priority]) => get(path, { priority })));
  expect(upstream.calls.map(({ path }) => path)).toEqual(['/running', '/first', '/second', '/next', '/late']);
});

test('a bulkhead leaves room for the others, and calls beyond the queue fail at once', async () => {
  const { get, waiting } = openPool(upstream.origin, { connections: 8, waiting: 5 });
  const crowd = settle(Array.from({ length: 14 }, () => get('/slow', { bulkhead: 'slow' })));
  const quick = [get('/quick', { bulkhead: 'quick' }), get('/quick', { bulkhead: 'quick' })];
  expect(await settle(quick)).toEqual([200, 'busy']);
  const outcomes = await crowd;
  expect(outcomes.filter((outcome) => outcome === 'busy')).toHaveLength(2);
  expect(outcomes.filter((outcome) => outcome === 200)).toHaveLength(12);
  expect(waiting()).toBe(0);
});

test('calls that were given up while they waited make room for others', async () => {
  const { get, waiting } = openPool(upstream.origin, { connections: 1, reservedShare: 0, waiting: 2 });
  const running = get('/slow');
  for (let round = 0; round < 10; round++) {
    const controller = new AbortController();
    const gone = settle([get('/gone', {}, controller.signal), get('/gone', {}, controller.signal)]);
    expect(await settle([get('/beyond')])).toEqual(['busy']);
    controller.abort('given up');
    expect(await gone).toEqual(['given up', 'given up']);
    expect(waiting()).toBe(0);
  }
  expect(await settle([running, get('/after')])).toEqual([200, 200]);
});

test('after aborts, time-outs, resets and cut-off bodies every connection can be used again', async () => {
  let under = 0;
  let most = 0;
  const failing = await startUpstream(async ({ path }, res) => {
    under += 1;
    most = Math.max(most, under);
    const n = Number(path.slice(1));
    await sleep(n % 7 === 0 ? 1_500 : n < 5 ? 100 : 5);
    under -= 1;
    if (n % 5 === 0) res.destroy();
    else if (n % 11 === 0) {
      res.writeHead(200, { 'content-length': '100' }).write('cut');
      res.destroy();
    } else return { n };
    return undefined;
  });
  const { get } = openPool(failing.origin, { timeoutMs: 1_000 });
  const calls = Array.from({ length: 100 }, (_, n) => {
    const controller = new AbortController();
    if (n % 3 === 0) setTimeout(() => controller.abort(new Error('gone')), n % 40);
    return get(`/${n + 1}`, {}, controller.signal);
  });
  await settle(calls);
  // What was given up here the server still works on.
  await expect.poll(() => under, { timeout: 5_000 }).toBe(0);
  most = 0;
  expect(await settle([1, 2, 3, 4].map((n) => get(`/${n}`)))).toEqual([200, 200, 200, 200]);
  expect(most).toBe(4);
});

test('a closed pool fails all who wait, however many', async () => {
  const silent = await startUpstream(() => sleep(10_000));
  const { get, close } = openPool(silent.origin, { connections: 1, timeoutMs: 5_000 });
  const calls = settle(Array.from({ length: 9_000 }, () => get()));
  await sleep(50);
  await close();
  expect(new Set(await calls)).toEqual(new Set(['reset']));
});
