import type { AnswerFacts, Call, Receipt } from '../api.ts';

/** Formats a number as `1,000`. */
export const count = (value: number): string => value.toLocaleString('en-GB');

/** Formats a duration as `12.3 ms`. */
export const ms = (value: number): string => `${value.toLocaleString('en-GB', { maximumFractionDigits: 1 })} ms`;

/** Formats a number of bytes as `1.9 kB`. */
export function size(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  const [value, unit] = bytes < 1_000_000 ? [bytes / 1_000, 'kB'] : [bytes / 1_000_000, 'MB'];
  return `${value.toLocaleString('en-GB', { maximumFractionDigits: 1 })} ${unit}`;
}

/** Renders status, time and size of an answer, such as `200 OK · 24 ms · 1.9 kB`. */
export function answerLine({ status, bytes, firstMs, ms: lastMs, messages }: AnswerFacts): string {
  const whole = (value: number): string => `${count(Math.round(value))} ms`;
  const time =
    messages > 1 ? `${whole(lastMs)} (${count(messages)} parts, the first after ${whole(firstMs)})` : whole(lastMs);
  return [status, time, size(bytes)].join(' · ');
}

/** Renders a receipt without the number of calls, in one line. */
export function details({ deduped, cached, stale, retries, ms: took }: Receipt): string {
  const parts = [ms(took)];
  if (retries > 0) parts.push(`${count(retries)} retried`);
  if (deduped > 0) parts.push(`${count(deduped)} shared`);
  if (cached > 0) parts.push(`${count(cached)} cached`);
  if (stale > 0) parts.push(`${count(stale)} stale`);
  return parts.join(' · ');
}

/** Renders a receipt in one line. */
export function summary(receipt: Receipt): string {
  return `${count(receipt.calls)} of ${count(receipt.budget)} REST calls · ${details(receipt)}`;
}

/** Renders the outcome of a call, with the number of attempts if it was retried. */
export function outcomeOf({ outcome, attempts }: Call): string {
  return attempts > 1 ? `${outcome}, retried (${attempts} attempts)` : outcome;
}
