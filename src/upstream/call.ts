import type { Party } from '../lib/fair-queue.ts';

/** One HTTP request to the upstream. */
export interface UpstreamRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Path and query exactly as they go on the wire, starting with `/`. The pool neither resolves nor escapes them. */
  readonly path: string;
  /** Names (in lower case) and values in turn. */
  readonly headers: string[];
  readonly body?: string | undefined;
  /** Whose share of the connections the call takes. Default: everybody's. */
  readonly party?: Party;
  /** Of one party's calls that wait for a connection, the smallest goes first: usually the operation's deadline. Default: 0. */
  readonly priority?: number;
  /** Calls with the same lane share a bulkhead. Default: one lane for all calls that name none. */
  readonly lane?: string;
  /** ms; overrides the pool's. */
  readonly timeoutMs?: number | undefined;
}

export interface UpstreamResponse {
  readonly status: number;
  /** The `Retry-After` header as sent. */
  readonly retryAfter?: string;
  /** UTF-8 text; invalid bytes become U+FFFD. */
  readonly body: string;
}
