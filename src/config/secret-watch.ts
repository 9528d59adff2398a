import { statSync, unwatchFile, watchFile } from 'node:fs';
import type { z } from 'zod';
import { apiKey, hmacSecret, secret } from './checks.ts';
import type { Config } from './config.ts';
import { readSecret } from './secret-files.ts';
import { fileVariable } from './variables.ts';

const INTERVAL_MS = 1_000;

export interface SecretUsers {
  /** The project that `DATATRICS_API_KEY` is for. */
  readonly project: string | undefined;
  setKey(project: string, apiKey: string): void;
  /** Are replaced in place. */
  readonly routerSecrets: { header: string | undefined; hmac: string | undefined };
  /** @param index in `config.invalidation` */
  setTargetSecret(index: number, secret: string): void;
  /** Called after each change of a file. The secret of a file that cannot be used stays as it was. */
  onChange(variable: string, problem: string | undefined): void;
}

/**
 * Reads secrets again when their files change: those that take effect without a restart. The others need one: with another
 * `PII_KEY`, one person would have two hashes, and connections to Redis and to OpenTelemetry's receiver are made at the start.
 *
 * @returns stops it
 */
export function watchSecrets(config: Config, users: SecretUsers): () => void {
  const { secretFiles, projects, invalidation } = config;
  const { project, routerSecrets, setKey } = users;
  const stops: (() => void)[] = [];

  function watch(name: string, path: string | undefined, check: z.ZodType<string>, apply: (value: string) => void) {
    // A pipe can be read only once.
    if (path === undefined || !statSync(path).isFile()) return;
    let seen = readSecret(path);
    const look = (): void => {
      let problem: string | undefined;
      let found: string;
      try {
        found = readSecret(path);
        const { error } = check.safeParse(found);
        problem = error && `needs ${error.issues[0]?.message}`;
      } catch (error) {
        found = problem = (error as Error).message;
      }
      if (found === seen) return;
      seen = found;
      if (problem === undefined) apply(found);
      users.onChange(fileVariable(name), problem);
    };
    watchFile(path, { interval: INTERVAL_MS, persistent: false }, look);
    // `watchFile` first looks at the file some time after this call, and misses a change before that.
    const firstLook = setTimeout(look, INTERVAL_MS).unref();
    stops.push(() => {
      clearTimeout(firstLook);
      unwatchFile(path, look);
    });
  }

  if (project !== undefined && !projects.some(({ id }) => id === project)) {
    watch('DATATRICS_API_KEY', secretFiles.DATATRICS_API_KEY, apiKey, (value) => setKey(project, value));
  }
  for (const { id, secretFrom, secretFile } of projects) {
    watch(secretFrom, secretFile, apiKey, (value) => setKey(id, value));
  }
  for (const [index, { secretFrom, secretFile }] of invalidation.entries()) {
    watch(secretFrom, secretFile, secret, (value) => users.setTargetSecret(index, value));
  }
  watch('ROUTER_SECRET', secretFiles.ROUTER_SECRET, secret, (value) => {
    routerSecrets.header = value;
  });
  watch('ROUTER_HMAC_SECRET', secretFiles.ROUTER_HMAC_SECRET, hmacSecret, (value) => {
    routerSecrets.hmac = value;
  });
  return () => {
    for (const stop of stops) stop();
  };
}
