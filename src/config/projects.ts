import { z } from 'zod';
import { apiKey, fieldName, oneOf, projectId, timeZone } from './checks.ts';
import { type Environment, withoutEmpty } from './environment.ts';
import { fileVariable, readSecretFiles } from './secret-files.ts';

/** In YAML, digits without quotes are a number. What YAML would convert to another text was refused before. */
function text(check: z.ZodString) {
  return z.preprocess((value) => (typeof value === 'number' ? String(value) : value), check);
}

const sources = z.array(text(z.string('a text').min(1, 'a text that is not empty'))).optional();

/** One project of the list in the configuration file. What it leaves out is as in the other settings. */
const project = z.strictObject({
  id: text(projectId),
  /** Name of the environment variable that holds the key; with `_FILE` at its end, of the one that names the key's file. */
  apiKeyFrom: z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'the name of an environment variable'),
  profileSources: sources,
  contentSources: sources,
  conversionSources: sources,
  interactionSources: sources,
  filters: oneOf('auto', 'on', 'off').optional(),
  batchReads: oneOf('off', 'auto', 'on').optional(),
  conversionProfileField: fieldName.optional(),
  timeZone: timeZone.optional(),
  connections: z.int().min(1).max(10_000).optional(),
  maxUpstreamCalls: z.int().min(1).max(1_000_000).optional(),
  operationTimeoutMs: z.int().min(1).max(600_000).optional(),
  upstreamTimeoutMs: z.int().min(1).max(600_000).optional(),
});

export type ProjectConfig = z.infer<typeof project> & {
  readonly apiKey: string;
  /** The file with the key, if it is in one. */
  readonly apiKeyFile: string | undefined;
};

interface Projects {
  readonly projects: ProjectConfig[];
  /** The environment variables that hold their keys. */
  readonly keyNames: ReadonlySet<string>;
}

/**
 * Checks the list of projects in the configuration file, and adds their keys from the environment.
 * @param problems gets a line for each thing that is wrong
 */
export function readProjects(given: unknown, env: Environment, problems: string[]): Projects {
  const projects: ProjectConfig[] = [];
  const keyNames = new Set<string>();
  const report = (path: readonly PropertyKey[], problem: string): void => {
    problems.push(`GATEWAY_CONFIG: ${['projects', ...path].map(String).join('.')}: ${problem}`);
  };
  if (given !== undefined && (!Array.isArray(given) || given.length === 0)) report([], 'needs a list of projects');
  if (!Array.isArray(given)) return { projects, keyNames };
  const ids = new Set<string>();
  for (const [index, entry] of given.entries()) {
    const { success, data, error } = project.safeParse(entry);
    if (!success) {
      for (const { path, message } of error.issues) report([index, ...path], `needs ${message}`);
      continue;
    }
    const { id, apiKeyFrom } = data;
    if (ids.has(id)) report([index, 'id'], `got ${JSON.stringify(id)} twice; needs ids that differ`);
    ids.add(id);
    const fileName = fileVariable(apiKeyFrom);
    keyNames.add(apiKeyFrom).add(fileName);
    const known = problems.length;
    const fromFile = readSecretFiles(withoutEmpty(env), problems, [apiKeyFrom])[apiKeyFrom];
    if (problems.length > known) continue;
    const key = apiKey.safeParse(fromFile ?? env[apiKeyFrom]);
    const apiKeyFile = fromFile === undefined ? undefined : env[fileName];
    if (key.success) projects.push({ ...data, apiKey: key.data, apiKeyFile });
    else {
      const got = (fromFile ?? env[apiKeyFrom]) ? 'got a value that is not shown' : 'not set';
      const need = `the API key of project ${id}, a key of visible ASCII characters`;
      problems.push(`${apiKeyFrom}: ${got}; needs ${need}`);
    }
  }
  return { projects, keyNames };
}
