import { z } from 'zod';
import { PROJECT_ID } from '../auth/principal.ts';
import { isTimeZone } from '../datatrics/time.ts';
import type { Environment } from './environment.ts';
import { API_KEY } from './variables.ts';

/** Digits without quotes are a number in YAML; what YAML would convert to another text has been refused by then. */
function text(check: z.ZodString) {
  return z.preprocess((value) => (typeof value === 'number' ? String(value) : value), check);
}

const name = text(z.string('a text').min(1, 'a text that is not empty'));

/** One of several projects of a gateway. What it leaves out is as the rest of the settings say. */
const project = z.strictObject({
  id: text(z.string('a text').regex(PROJECT_ID, 'a project id of letters, digits, _ and -')),
  /** Name of the environment variable that holds the key. */
  apiKeyFrom: z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'the name of an environment variable'),
  profileSources: z.array(name).optional(),
  contentSources: z.array(name).optional(),
  conversionSources: z.array(name).optional(),
  interactionSources: z.array(name).optional(),
  filters: z.enum(['auto', 'on', 'off']).optional(),
  batchReads: z.enum(['off', 'auto', 'on']).optional(),
  conversionProfileField: z
    .string()
    .regex(/^[A-Za-z0-9_.-]{1,64}$/, 'a field name')
    .optional(),
  timeZone: z.string().refine(isTimeZone, 'an IANA time zone').optional(),
  connections: z.int().min(1).max(10_000).optional(),
  maxUpstreamCalls: z.int().min(1).max(1_000_000).optional(),
  operationTimeoutMs: z.int().min(1).max(600_000).optional(),
  upstreamTimeoutMs: z.int().min(1).max(600_000).optional(),
});

export type ProjectConfig = Omit<z.infer<typeof project>, 'apiKeyFrom'> & { readonly apiKey: string };

interface Projects {
  readonly projects: ProjectConfig[];
  /** Variables that hold their keys. */
  readonly keyNames: ReadonlySet<string>;
}

/** Checks the file's list of projects, and takes their keys from the environment: a file of settings is no place for them. */
export function readProjects(given: unknown, env: Environment, problems: string[]): Projects {
  const projects: ProjectConfig[] = [];
  const keyNames = new Set<string>();
  if (given === undefined) return { projects, keyNames };
  const tell = (path: readonly PropertyKey[], problem: string): void => {
    problems.push(`GATEWAY_CONFIG: ${['projects', ...path].map(String).join('.')}: ${problem}`);
  };
  if (!Array.isArray(given) || given.length === 0) {
    tell([], 'needs a list of one project or more');
    return { projects, keyNames };
  }
  const ids = new Set<string>();
  for (const [index, entry] of given.entries()) {
    const parsed = project.safeParse(entry);
    if (!parsed.success) {
      for (const { path, message } of parsed.error.issues) tell([index, ...path], `needs ${message}`);
      continue;
    }
    const { apiKeyFrom, ...rest } = parsed.data;
    if (ids.has(rest.id)) tell([index, 'id'], `got ${JSON.stringify(rest.id)} twice; needs ids that differ`);
    ids.add(rest.id);
    keyNames.add(apiKeyFrom);
    const apiKey = env[apiKeyFrom];
    if (apiKey && API_KEY.test(apiKey)) projects.push({ ...rest, apiKey });
    else {
      const got = apiKey ? 'got a value that is not shown' : 'not set';
      problems.push(
        `${apiKeyFrom}: ${got}; needs the API key of project ${rest.id}, a key of visible ASCII characters`,
      );
    }
  }
  return { projects, keyNames };
}
