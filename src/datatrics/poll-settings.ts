import { z } from 'zod';
import type { Resource } from './endpoints.ts';
import { ENTITY_TYPES } from './keys.ts';

const types = z.array(z.enum([...ENTITY_TYPES.keys()])).min(1);

const setting = z.strictObject({ everySeconds: z.int().min(1).max(86_400), types });

/**
 * Reads the setting `poll`: the types of records in which the gateway looks for changes by other programs.
 * @param problems receives one line per invalid value
 * @returns undefined for no setting, or an invalid one
 */
export function readPoll(
  value: unknown,
  problems: string[],
): { readonly everyMs: number; readonly resources: readonly Resource[] } | undefined {
  if (value === undefined) return undefined;
  const parsed = setting.safeParse(value);
  if (!parsed.success) {
    for (const { path, message } of parsed.error.issues) {
      problems.push(`GATEWAY_CONFIG: ${['poll', ...path].join('.')}: ${message}`);
    }
    return undefined;
  }
  const { everySeconds, types } = parsed.data;
  const resources = [...new Set(types)].map((type) => ENTITY_TYPES.get(type) as Resource);
  return { everyMs: everySeconds * 1000, resources };
}
