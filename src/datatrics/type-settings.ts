import { z } from 'zod';
import { type Lifetimes, retentionOf } from '../upstream/freshness.ts';
import type { Policies } from './callers.ts';
import type { Resource } from './endpoints.ts';
import { ENTITY_TYPES } from './keys.ts';

const typeName = z.enum([...ENTITY_TYPES.keys()]);
const resourceOf = (type: string): Resource => ENTITY_TYPES.get(type) as Resource;

/**
 * Reads a section of GATEWAY_CONFIG.
 * @param problems receives one line per invalid value
 * @returns undefined for an invalid section
 */
export function readSection<T>(name: string, schema: z.ZodType<T>, value: unknown, problems: string[]): T | undefined {
  const { data, error } = schema.safeParse(value);
  for (const issue of error?.issues ?? []) {
    const { message } = issue.code === 'invalid_key' ? (issue.issues[0] ?? issue) : issue;
    problems.push(`GATEWAY_CONFIG: ${[name, ...issue.path].map(String).join('.')}: ${message}`);
  }
  return data;
}

const seconds = z.number().min(0).max(31_536_000).default(0);
const lifetimes = z.strictObject({ freshFor: seconds, staleWhileRevalidate: seconds, staleIfError: seconds }).transform(
  (given): Lifetimes => ({
    freshForMs: given.freshFor * 1000,
    staleWhileRevalidateMs: given.staleWhileRevalidate * 1000,
    staleIfErrorMs: given.staleIfError * 1000,
  }),
);
const freshness = z.partialRecord(typeName, lifetimes).default({});

/** Reads the setting `freshness`: lifetimes in seconds by type name. Returns those of the resources that are cached. */
export function readLifetimes(value: unknown, problems: string[]): Partial<Record<Resource, Lifetimes>> {
  const cached: Partial<Record<Resource, Lifetimes>> = {};
  for (const [type, inMs] of Object.entries(readSection('freshness', freshness, value, problems) ?? {})) {
    if (inMs && retentionOf(inMs) > 0) cached[resourceOf(type)] = inMs;
  }
  return cached;
}

const policy = z.strictObject({
  timeoutMs: z.number().min(1).max(600_000).optional(),
  attempts: z.int().min(1).max(3).optional(),
});
const upstream = z.partialRecord(typeName, policy).default({});

/** Reads the setting `upstream`: time-outs and retries by type name. */
export function readPolicies(value: unknown, problems: string[]): Policies {
  const byType = readSection('upstream', upstream, value, problems) ?? {};
  return Object.fromEntries(Object.entries(byType).map(([type, values]) => [resourceOf(type), values]));
}

const poll = z.strictObject({ everySeconds: z.int().min(1).max(86_400), types: z.array(typeName).min(1) }).optional();

/** Reads the setting `poll`: the types of records in which the gateway looks for changes by other programs. */
export function readPoll(
  value: unknown,
  problems: string[],
): { readonly everyMs: number; readonly resources: readonly Resource[] } | undefined {
  const setting = readSection('poll', poll, value, problems);
  return setting && { everyMs: setting.everySeconds * 1000, resources: setting.types.map(resourceOf) };
}
