import type { EndedCall } from '../datatrics/calls.ts';
import type { Logger } from '../lib/log.ts';

const EVERY_MS = 60_000;
const MAX_CAUSES = 50;

/** Logs why calls to the API fail, at most once a minute for each cause. */
export function createUpstreamWarnings(log: Logger) {
  const known = new Map<string, { count: number; warnedAt: number }>();
  return ({ outcome, cause, endpoint, caller }: Pick<EndedCall, 'outcome' | 'cause' | 'endpoint' | 'caller'>): void => {
    if (cause === undefined) return;
    // In `passthrough`, anyone can send a key that the API refuses.
    if (outcome !== 'failed' && !caller.isAccepted) return;
    const now = performance.now();
    const failures = known.get(cause) ?? { count: 0, warnedAt: Number.NEGATIVE_INFINITY };
    if (known.size >= MAX_CAUSES && !known.has(cause)) return;
    known.set(cause, failures);
    failures.count += 1;
    if (now - failures.warnedAt < EVERY_MS) return;
    log.warn({ cause, endpoint: endpoint.label, failures: failures.count }, 'calls to the API fail');
    Object.assign(failures, { count: 0, warnedAt: now });
  };
}
