import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createAbortController } from '../../src/lib/abort.ts';
import { createPool } from '../../src/upstream/pool.ts';
import { startUpstream } from '../helpers/gateway.ts';

const NO_HEADERS: string[] = [];

test('after aborts, time-outs, resets and cut-off bodies every connection can be used again', async () => {
  let under = 0;
  let most = 0;
  const upstream = await startUpstream(async ({ path }, res) => {
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
  const pool = createPool({ origin: upstream.origin, connections: 4, timeoutMs: 1_000 });
  const ask = (n: number, signal = createAbortController().signal) =>
    pool.send({ method: 'GET', path: `/${n}`, headers: NO_HEADERS }, signal);
  const controllers = Array.from({ length: 100 }, () => createAbortController());
  const answers = controllers.map(({ signal }, n) =>
    ask(n + 1, signal).then(
      ({ status }) => status,
      () => 'failed',
    ),
  );
  for (const [n, controller] of controllers.entries()) {
    if (n % 3 === 0) setTimeout(() => controller.abort(new Error('gone')), n % 40);
  }
  await Promise.all(answers);
  // What was given up here the server still works on.
  await expect.poll(() => under, { timeout: 5_000 }).toBe(0);
  most = 0;
  const after = await Promise.all([1, 2, 3, 4].map((n) => ask(n)));
  expect(after.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  expect(most).toBe(4);
  await pool.close();
});

test('a closed pool fails all who wait, however many', async () => {
  const upstream = await startUpstream(() => sleep(10_000));
  const pool = createPool({ origin: upstream.origin, connections: 1, timeoutMs: 5_000 });
  const answers = Array.from({ length: 9_000 }, () =>
    pool
      .send({ method: 'GET', path: '/', headers: NO_HEADERS }, createAbortController().signal)
      .catch((error) => error.failure),
  );
  await sleep(50);
  await pool.close();
  expect(new Set(await Promise.all(answers))).toEqual(new Set(['reset']));
});
