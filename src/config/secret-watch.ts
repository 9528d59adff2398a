import { type StatsListener, statSync, unwatchFile, watchFile } from 'node:fs';
import type { z } from 'zod';
import { readSecret } from './secret-files.ts';

/** ms between two looks at a file. */
const INTERVAL_MS = 1_000;

/** A secret that may change while the gateway runs. */
export interface WatchedSecret {
  /** Of its file; undefined if the secret is not in a file. */
  readonly path: string | undefined;
  /** For messages. */
  readonly variable: string;
  readonly check: z.ZodType<string, string>;
  /** Called with each new value. */
  apply(value: string): void;
}

/** How a change went. The secret of a file that cannot be used stays as it was. */
export type OnSecretChange = (variable: string, problem: string | undefined) => void;

/**
 * Reads secrets again when their files change.
 * @returns stops it
 */
export function watchSecrets(secrets: readonly WatchedSecret[], onChange: OnSecretChange): () => void {
  const stops = secrets.map(({ path, variable, check, apply }) => {
    // A pipe can be read only once.
    if (path === undefined || !statSync(path).isFile()) return () => undefined;
    let current = readSecret(path);
    const listener: StatsListener = () => {
      let problem: string | undefined;
      try {
        const value = readSecret(path);
        if (value === current) return;
        const { data, error } = check.safeParse(value);
        problem = error && `needs ${error.issues[0]?.message}`;
        if (data !== undefined) {
          current = value;
          apply(data);
        }
      } catch (error) {
        problem = (error as Error).message;
      }
      onChange(variable, problem);
    };
    watchFile(path, { interval: INTERVAL_MS, persistent: false }, listener);
    return () => unwatchFile(path, listener);
  });
  return () => {
    for (const stop of stops) stop();
  };
}
