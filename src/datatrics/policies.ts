import { z } from 'zod';
import { DEFAULT_POLICY, type Policy } from '../upstream/policy.ts';
import type { Resource } from './endpoints.ts';
import { ENTITY_TYPES } from './keys.ts';

const ms = z.number().min(1).max(600_000);
const share = z.number().min(0).max(1);
const count = z.number().int().min(1).max(1_000_000);

const policy = z
  .strictObject({
    timeoutMs: ms,
    attempts: z.number().int().min(1).max(3),
    retryPauseMs: ms,
    retryShare: share,
    retryBurst: z.number().min(0).max(1_000_000),
    retryPerSecond: z.number().min(0).max(1_000_000),
    breakerShare: share,
    breakerCalls: count,
    breakerAfterMs: z.number().min(0).max(600_000),
    probeEveryMs: ms,
    paceAfter: count,
    paceFloor: z.number().min(0.1).max(1_000_000),
    paceWaitMs: ms,
    paceForMs: ms,
    maxHoldMs: ms,
  } satisfies Record<keyof Policy, z.ZodType>)
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
    for (const { path, message } of parsed.error.issues) {
      problems.push(`GATEWAY_CONFIG: ${['upstream', ...path].join('.')}: ${message}`);
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
