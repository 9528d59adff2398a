import { z } from 'zod';
import { DEFAULT_POLICY, type Policy } from '../transport/policy.ts';
import type { Resource } from './endpoints.ts';
import { RESOURCE_OF_TYPE } from './keys.ts';

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
 * Reads the setting `upstream`: by the type's name what its endpoints have instead of `DEFAULT_POLICY`.
 * @throws Error that says what is wrong
 */
export function readPolicies(value: unknown): Partial<Record<Resource, Policy>> {
  const parsed = setting.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(`${['upstream', ...(issue?.path ?? [])].join('.')}: ${issue?.message}`);
  }
  return Object.fromEntries(
    Object.entries(parsed.data).map(([type, given]) => [
      RESOURCE_OF_TYPE.get(type) as Resource,
      { ...DEFAULT_POLICY, ...given } as Policy,
    ]),
  );
}
