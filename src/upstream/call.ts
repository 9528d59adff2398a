import type { Party } from '../lib/fair-queue.ts';

/** One HTTP request to the upstream. */
export interface UpstreamRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Path and query exactly as sent, starting with `/`. The pool neither resolves nor escapes them. */
  readonly path: string;
  /** Names (in lower case) and values in turn. */
  readonly headers: string[];
  readonly body?: string | undefined;
  /** Takes turns for connections with other callers. Default: one for all requests that name none. */
  readonly caller?: Party;
  /** Of one caller's waiting requests, the smallest goes first: usually the operation's deadline. Default: 0. */
  readonly priority?: number;
  /** Requests of one bulkhead cannot take all connections. Default: one for all requests that name none. */
  readonly bulkhead?: string;
  /** ms; overrides the pool's. */
  readonly timeoutMs?: number | undefined;
}

export interface Answer {
  readonly status: number;
  /** UTF-8 text; invalid bytes become U+FFFD. */
  readonly body: string;
}

export interface UpstreamResponse extends Answer {
  /** The `Retry-After` header as sent. */
  readonly retryAfter?: string;
}

export interface CachedAnswer {
  readonly answer: Answer;
  readonly ageMs: number;
}
