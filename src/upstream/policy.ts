/**
 * How one group of endpoints of one project is called with one key: how long a call may take, what is tried again, and when
 * no call is made at all. Every number that decides about a fault is here.
 */
export interface Policy {
  /** ms from dispatch to the complete answer of one call, waiting for a connection included. The pool's own by default. */
  readonly timeoutMs: number | undefined;
  /** Attempts of one read, the first included. Writes have one. */
  readonly attempts: number;
  /** ms before the second attempt; doubled for each further one, and jittered down to half. `Retry-After` goes before. */
  readonly retryPauseMs: number;
  /** Repeated attempts that each first attempt pays for: this bounds the load on an upstream that fails. */
  readonly retryShare: number;
  /** Repeated attempts saved up at most, and at the start. */
  readonly retryBurst: number;
  /** Repeated attempts that each second pays for, so that rare calls have some too. */
  readonly retryPerSecond: number;
  /** The breaker opens when this share of the calls of the last seconds has failed (no answer, or 5xx), … */
  readonly breakerShare: number;
  /** … of at least so many, … */
  readonly breakerCalls: number;
  /** … and for so many ms without a better moment. A short burst of failures is left to the retries. */
  readonly breakerAfterMs: number;
  /** ms between the calls that an open breaker lets through to see whether the upstream is back; one success closes it. */
  readonly probeEveryMs: number;
  /** 429s within a second from which on the group is paced, and `Retry-After` holds all of it and not just one read. */
  readonly paceAfter: number;
  /** Calls a second that the pace does not go below. */
  readonly paceFloor: number;
  /** ms that a call waits for its turn at most, a `Retry-After` apart; beyond that it fails at once. */
  readonly paceWaitMs: number;
  /** ms without a 429 after which the pace is free again. */
  readonly paceForMs: number;
  /** ms that a `Retry-After` holds the group at most. */
  readonly maxHoldMs: number;
}

export const DEFAULT_POLICY: Policy = {
  timeoutMs: undefined,
  attempts: 3,
  retryPauseMs: 50,
  // Under 20 % more load from some hundreds of calls on, whatever fails.
  retryShare: 0.08,
  retryBurst: 50,
  retryPerSecond: 1,
  breakerShare: 0.5,
  breakerCalls: 30,
  breakerAfterMs: 2_000,
  // Four chances within the 2 s in which traffic should be healthy again.
  probeEveryMs: 500,
  paceAfter: 5,
  paceFloor: 10,
  // An operation of dozens of calls gets through at a slow pace; a backlog of more would outlast the reason for it.
  paceWaitMs: 5_000,
  // A pace that is still needed is found again by a few 429s.
  paceForMs: 3_000,
  maxHoldMs: 60_000,
};

/** Of all groups of a project together. */
export interface BulkheadPolicy {
  /** Part of the connections that no single group may take, so that one that hangs leaves room for the others. */
  readonly reservedShare: number;
  /** Calls that wait for a connection at most, in all; beyond that they fail at once. */
  readonly waiting: number;
}

export const DEFAULT_BULKHEAD: BulkheadPolicy = { reservedShare: 1 / 8, waiting: 10_000 };
