import { z } from 'zod';
import { DEFAULT_POLICY, type Policy } from '../upstream/policy.ts';
import type { Resource } from './endpoints.ts';
import { ENTITY_TYPES } from './keys.ts';

/** What an operator can know of an endpoint: how long it takes, and whether to try again. The rest are constants. */
const policy = z
  .strictObject({
    timeoutMs: z.number().min(1).max(600_000),
    attempts: z.number().int().min(1).max(3),
  })
  .partial();

const setting = z.partialRecord(z.enum(['Profile', 'Content', 'Conversion', 'Interaction']), policy);

/**
 * Reads the setting `upstream`: by type name, the values that replace those of `DEFAULT_POLICY` for its endpoints.
 * @param problems receives one line per invalid value
 * @returns policies by resource; empty for an invalid setting
 */
export function readPolicies(value: unknown, problems: string[]): Partial<Record<Resource, Policy>> {
  const parsed = setting.safeParse(value ?? {});
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      const place = `GATEWAY_CONFIG: ${['upstream', ...issue.path].join('.')}`;
      const removed = issue.code === 'unrecognized_keys' ? issue.keys.filter((key) => key in DEFAULT_POLICY) : [];
      for (const key of removed) {
        const value = DEFAULT_POLICY[key as keyof Policy];
        problems.push(`${place}.${key}: this setting was removed (it is ${value} for every type); remove it`);
      }
      if (removed.length === 0) problems.push(`${place}: ${issue.message}`);
    }
    return {};
  }
  return Object.fromEntries(
    Object.entries(parsed.data).map(([type, values]) => [
      ENTITY_TYPES.get(type) as Resource,
      { ...DEFAULT_POLICY, ...values } as Policy,
    ]),
  );
}
