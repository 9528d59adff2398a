import { z } from 'zod';
import { type Lifetimes, retentionOf } from '../upstream/freshness.ts';
import type { Resource } from './endpoints.ts';
import { ENTITY_TYPES } from './keys.ts';

const seconds = z.number().min(0).max(31_536_000).default(0);

const setting = z.partialRecord(
  z.enum(['Profile', 'Content', 'Conversion', 'Interaction']),
  z.strictObject({ freshFor: seconds, staleWhileRevalidate: seconds, staleIfError: seconds }),
);

/**
 * Reads the setting `freshness`: lifetimes in seconds by type name. A lifetime that is omitted is 0.
 * @param problems receives one line per invalid value
 * @returns lifetimes by resource, without the resources that are not cached; empty for an invalid setting
 */
export function readLifetimes(value: unknown, problems: string[]): Partial<Record<Resource, Lifetimes>> {
  const parsed = setting.safeParse(value ?? {});
  if (!parsed.success) {
    for (const { path, message } of parsed.error.issues) {
      problems.push(`GATEWAY_CONFIG: ${['freshness', ...path].join('.')}: ${message}`);
    }
    return {};
  }
  const lifetimes: Partial<Record<Resource, Lifetimes>> = {};
  for (const [type, inSeconds] of Object.entries(parsed.data)) {
    const inMs: Lifetimes = {
      freshForMs: inSeconds.freshFor * 1000,
      staleWhileRevalidateMs: inSeconds.staleWhileRevalidate * 1000,
      staleIfErrorMs: inSeconds.staleIfError * 1000,
    };
    const resource = ENTITY_TYPES.get(type);
    if (resource !== undefined && retentionOf(inMs) > 0) lifetimes[resource] = inMs;
  }
  return lifetimes;
}
