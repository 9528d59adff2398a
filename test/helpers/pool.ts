import { createAbortController } from '../../src/lib/abort.ts';
import type { UpstreamRequest } from '../../src/upstream/call.ts';
import { TransportError } from '../../src/upstream/errors.ts';
import { createPool, type PoolOptions } from '../../src/upstream/pool.ts';
import { closeAtEnd } from './closing.ts';

export const NEVER = createAbortController().signal;

/** A pool of connections, and its GETs. */
export function openPool(origin: string, options: Partial<PoolOptions> = {}) {
  const pool = createPool({ origin, connections: 4, timeoutMs: 2_000, ...options });
  const close = closeAtEnd(() => pool.close());
  const get = (path = '/x', request: Partial<UpstreamRequest> = {}, signal = NEVER) =>
    pool.send({ method: 'GET', path, headers: ['x-apikey', 'k'], ...request }, signal);
  return { send: pool.send, waiting: () => pool.waiting, close, get };
}

/** The status of an answer, the kind of a failure, or the reason of a signal. */
export function settle(calls: readonly Promise<{ readonly status: number }>[]): Promise<unknown[]> {
  return Promise.all(
    calls.map((call) =>
      call.then(
        ({ status }) => status,
        (error) => (error instanceof TransportError ? error.failure : error),
      ),
    ),
  );
}
