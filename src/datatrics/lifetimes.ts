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
 * Reads the setting `freshness`: by the type's name its lifetimes in seconds, each 0 where it is left out.
 * @param problems gets a line for each thing that is wrong
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
  for (const [type, given] of Object.entries(parsed.data)) {
    const inMs: Lifetimes = {
      freshForMs: given.freshFor * 1000,
      staleWhileRevalidateMs: given.staleWhileRevalidate * 1000,
      staleIfErrorMs: given.staleIfError * 1000,
    };
    const resource = ENTITY_TYPES.get(type);
    if (resource !== undefined && retentionOf(inMs) > 0) lifetimes[resource] = inMs;
  }
  return lifetimes;
}
