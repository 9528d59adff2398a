import { afterAll, expect, test } from 'vitest';
import { createAbortController } from '../../src/lib/abort.ts';
import { createPool } from '../../src/upstream/pool.ts';
import { startUpstream } from '../helpers/gateway.ts';

const NO_HEADERS: string[] = [];

const upstream = await startUpstream(async () => {
  await new Promise((resolve) => setTimeout(resolve, 20));
  return {};
});
const pool = createPool({ origin: upstream.origin, connections: 1, timeoutMs: 5_000 });
afterAll(() => pool.close());

const send = (path: string, priority: number, signal = createAbortController().signal) =>
  pool.send({ method: 'GET', path, headers: NO_HEADERS, priority }, signal);
const paths = (): string[] => upstream.calls.splice(0).map(({ path }) => path);

test('of the calls that wait for a connection the most urgent goes first, equal ones in their order', async () => {
  await Promise.all([send('/running', 9), send('/late', 3), send('/first', 1), send('/second', 1), send('/next', 2)]);
  expect(paths()).toEqual(['/running', '/first', '/second', '/next', '/late']);
});

test('a bulkhead leaves room for the others, and calls beyond the queue fail at once', async () => {
  const slow = await startUpstream(async ({ path }) => {
    await new Promise((resolve) => setTimeout(resolve, path === '/slow' ? 300 : 1));
    return {};
  });
  const narrow = createPool({
    origin: slow.origin,
    connections: 8,
    timeoutMs: 5_000,
    waiting: 5,
  });
  const call = (bulkhead: string) =>
    narrow
      .send({ method: 'GET', path: `/${bulkhead}`, headers: NO_HEADERS, bulkhead }, createAbortController().signal)
      .then(
        () => 'ok',
        (error) => error.failure,
      );
  const crowd = Array.from({ length: 14 }, () => call('slow'));
  expect(await Promise.all([call('quick'), call('quick')])).toEqual(['ok', 'busy']);
  const outcomes = await Promise.all(crowd);
  expect(outcomes.filter((outcome) => outcome === 'busy')).toHaveLength(2);
  expect(outcomes.filter((outcome) => outcome === 'ok')).toHaveLength(12);
  expect(narrow.waiting).toBe(0);
  await narrow.close();
});

test('calls that were given up while they waited make room for others', async () => {
  const narrow = createPool({
    origin: upstream.origin,
    connections: 1,
    timeoutMs: 5_000,
    reservedShare: 0,
    waiting: 2,
  });
  const get = (path: string, signal = createAbortController().signal) =>
    narrow.send({ method: 'GET', path, headers: NO_HEADERS }, signal).then(
      () => 'ok',
      (error) => error.failure ?? 'given up',
    );
  const running = get('/running');
  for (let round = 0; round < 10; round++) {
    const controller = createAbortController();
    const { signal } = controller;
    const gone = [get('/gone', signal), get('/gone', signal)];
    expect(await get('/beyond')).toBe('busy');
    controller.abort(new Error('gone'));
    expect(await Promise.all(gone)).toEqual(['given up', 'given up']);
    expect(narrow.waiting).toBe(0);
  }
  expect(await Promise.all([running, get('/after')])).toEqual(['ok', 'ok']);
  await narrow.close();
});
