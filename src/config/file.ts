import { readFileSync } from 'node:fs';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { isTimeZone } from '../datatrics/time.ts';
import { PROJECT_ID } from '../lib/principal.ts';

/** One of several projects of a gateway. What it leaves out is as the rest of the settings say. */
const project = z.strictObject({
  id: z.string().regex(PROJECT_ID, 'a project id of letters, digits, _ and -'),
  /** Name of the environment variable that holds the key. */
  apiKeyFrom: z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'the name of an environment variable'),
  profileSources: z.array(z.string().min(1)).optional(),
  contentSources: z.array(z.string().min(1)).optional(),
  conversionSources: z.array(z.string().min(1)).optional(),
  interactionSources: z.array(z.string().min(1)).optional(),
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

/** What a configuration file holds. */
export interface ConfigFile {
  /** By the variables' names. */
  readonly settings: Readonly<Record<string, string>>;
  /** Parts that fit no variable, as written: what is in them is judged where it is used. */
  readonly sections: Readonly<Record<string, unknown>>;
}

const SECTIONS: ReadonlySet<string> = new Set(['projects', 'customFields', 'freshness', 'upstream']);

/** Reads a JSON or YAML file of settings by their variables' names, where lists may be lists, and of sections. */
export function readFile(path: string | undefined, names: readonly string[], problems: string[]): ConfigFile {
  const nothing: ConfigFile = { settings: {}, sections: {} };
  if (!path) return nothing;
  let content: unknown;
  try {
    content = parseYaml(readFileSync(path, 'utf8'));
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message.split('\n')[0];
    problems.push(`GATEWAY_CONFIG: got ${JSON.stringify(path)} (${reason}); needs a readable JSON or YAML file`);
    return nothing;
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    problems.push(`GATEWAY_CONFIG: got ${JSON.stringify(path)}; needs a file with one object of settings`);
    return nothing;
  }
  const settings: Record<string, string> = {};
  const sections: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(content)) {
    if (SECTIONS.has(name)) sections[name] = value;
    else if (!names.includes(name)) {
      const known = [...SECTIONS].join(', ');
      problems.push(`GATEWAY_CONFIG: got the setting "${name}"; needs names of variables, or ${known}`);
    } else if (Array.isArray(value)) settings[name] = value.join(',');
    else settings[name] = String(value);
  }
  return { settings, sections };
}

/** A part of the file, by the function that judges it; undefined when something is wrong with it. */
export function readSection<T>(
  sections: Readonly<Record<string, unknown>>,
  name: string,
  read: (value: unknown) => T,
  problems: string[],
): T | undefined {
  try {
    return read(sections[name] ?? {});
  } catch (error) {
    problems.push(`GATEWAY_CONFIG: ${(error as Error).message}`);
    return undefined;
  }
}

/** Checks the file's list of projects, and fetches their keys from the environment: a file of settings is no place for them. */
export function readProjects(
  given: unknown,
  env: Readonly<Record<string, string | undefined>>,
  problems: string[],
): ProjectConfig[] {
  if (given === undefined) return [];
  const parsed = z.array(project).min(1).safeParse(given);
  if (!parsed.success) {
    for (const { path, message } of parsed.error.issues) {
      problems.push(`GATEWAY_CONFIG: projects${path.map((part) => `.${String(part)}`).join('')}: needs ${message}`);
    }
    return [];
  }
  const ids = parsed.data.map(({ id }) => id);
  if (new Set(ids).size < ids.length) problems.push('GATEWAY_CONFIG: projects: got an id twice; needs ids that differ');
  return parsed.data.flatMap(({ apiKeyFrom, ...rest }) => {
    const apiKey = env[apiKeyFrom];
    if (apiKey && /^[\x21-\x7e]+$/.test(apiKey)) return { ...rest, apiKey };
    const got = apiKey ? 'got a value that can not be shown' : 'not set';
    problems.push(`${apiKeyFrom}: ${got}; needs the API key of project ${rest.id}, a key of visible ASCII characters`);
    return [];
  });
}
