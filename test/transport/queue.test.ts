import { afterAll, expect, test } from 'vitest';
import { Cancellation } from '../../src/lib/cancellation.ts';
import { createPool } from '../../src/transport/pool.ts';
import { startUpstream } from '../helpers/gateway.ts';

const upstream = await startUpstream(async () => {
  await new Promise((resolve) => setTimeout(resolve, 20));
  return {};
});
const pool = createPool({ origin: upstream.origin, connections: 1, timeoutMs: 5_000 });
afterAll(async () => {
  await pool.close();
  await upstream.close();
});

const send = (path: string, priority: number, signal = new Cancellation()) =>
  pool.send({ method: 'GET', path, headers: [], priority }, signal);
const paths = (): string[] => upstream.calls.splice(0).map(({ path }) => path);

test('of the calls that wait for a connection the most urgent goes first, equal ones in their order', async () => {
  await Promise.all([send('/running', 9), send('/late', 3), send('/first', 1), send('/second', 1), send('/next', 2)]);
  expect(paths()).toEqual(['/running', '/first', '/second', '/next', '/late']);
});

test('a call that is given up while it waits is never made, and holds up nobody', async () => {
  const signal = new Cancellation();
  const running = send('/running', 1);
  const gone = send('/gone', 1, signal);
  const after = send('/after', 2);
  const reason = new Error('gone');
  signal.abort(reason);
  await expect(gone).rejects.toBe(reason);
  await Promise.all([running, after]);
  expect(paths()).toEqual(['/running', '/after']);
});

test('calls that fail give their turn to the next', async () => {
  const hasty = createPool({ origin: 'http://127.0.0.1:9', connections: 1, timeoutMs: 2_000 });
  const calls = Array.from({ length: 5 }, () =>
    hasty.send({ method: 'GET', path: '/', headers: [] }, new Cancellation()).catch((error) => error.failure),
  );
  expect(await Promise.all(calls)).toEqual(Array.from({ length: 5 }, () => 'unreachable'));
  await hasty.close();
});
