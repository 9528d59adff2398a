import { z } from 'zod';
import { apiKey, fieldName, oneOf, projectId, timeZone } from './checks.ts';
import { readEntries, variableName, type WithSecret } from './entries.ts';
import type { Environment } from './environment.ts';

/** In YAML, digits without quotes are a number. What YAML would convert to another text was refused before. */
function text(check: z.ZodString) {
  return z.preprocess((value) => (typeof value === 'number' ? String(value) : value), check);
}

const sources = z.array(text(z.string('a text').min(1, 'a text that is not empty'))).exactOptional();
const milliseconds = z.int().min(1).max(600_000).exactOptional();

/** One project of the list in the configuration file. What it leaves out is as in the other settings. */
const project = z
  .strictObject({
    id: text(projectId),
    apiKeyFrom: variableName,
    profileSources: sources,
    contentSources: sources,
    conversionSources: sources,
    interactionSources: sources,
    filters: oneOf('auto', 'on', 'off').exactOptional(),
    batchReads: oneOf('off', 'auto', 'on').exactOptional(),
    conversionProfileField: fieldName.exactOptional(),
    timeZone: timeZone.exactOptional(),
    connections: z.int().min(1).max(10_000).exactOptional(),
    maxUpstreamCalls: z.int().min(1).max(1_000_000).exactOptional(),
    operationTimeoutMs: milliseconds,
    upstreamTimeoutMs: milliseconds,
  })
  .transform(({ apiKeyFrom, ...settings }) => ({ ...settings, secretFrom: apiKeyFrom }));

export type ProjectConfig = z.infer<typeof project> & WithSecret;

/** Checks the list of projects in the configuration file. The secret of each is its API key. */
export function readProjects(given: unknown, env: Environment, problems: string[]) {
  const checks = { entry: project, secret: apiKey, keyOf: ({ id }: z.infer<typeof project>) => id };
  return readEntries('projects', given, env, checks, problems);
}
