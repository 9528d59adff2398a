import type { Call, Receipt } from '../api.ts';

/** A number as people read it: `1,000`. */
export const count = (value: number): string => value.toLocaleString('en-GB');

/** `12.3 ms`. */
export const ms = (value: number): string => `${value.toLocaleString('en-GB', { maximumFractionDigits: 1 })} ms`;

/** What a receipt says beside the number of calls, in one line. */
export function details({ deduped, cached, stale, retries, ms: took }: Receipt): string {
  const parts = [ms(took)];
  if (retries > 0) parts.push(`${count(retries)} retried`);
  if (deduped > 0) parts.push(`${count(deduped)} shared`);
  if (cached > 0) parts.push(`${count(cached)} cached`);
  if (stale > 0) parts.push(`${count(stale)} stale`);
  return parts.join(' · ');
}

/** What a receipt says, in one line. */
export function summary(receipt: Receipt): string {
  return `${count(receipt.calls)} of ${count(receipt.budget)} REST calls · ${details(receipt)}`;
}

/** How one call went, in words: its outcome, and whether it took several attempts. */
export function outcomeOf({ outcome, attempts }: Call): string {
  return attempts > 1 ? `${outcome}, retried (${attempts} attempts)` : outcome;
}
