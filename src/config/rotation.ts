import { apiKey, hmacSecret, secret } from './checks.ts';
import type { Config } from './config.ts';
import { fileVariable } from './secret-files.ts';
import type { WatchedSecret } from './secret-watch.ts';

/**
 * The secrets that take effect without a restart. The others need one: with another `PII_KEY`, one person would have two hashes,
 * and connections to Redis and to OpenTelemetry's receiver are made at the start.
 *
 * @param project that `DATATRICS_API_KEY` is for
 * @param routerSecrets are replaced in place
 * @param setTargetSecret takes the index in `config.invalidation`
 */
export function rotatingSecrets(
  config: Config,
  project: string | undefined,
  setKey: (project: string, apiKey: string) => void,
  routerSecrets: { header: string | undefined; hmac: string | undefined },
  setTargetSecret: (index: number, secret: string) => void,
): WatchedSecret[] {
  const { secretFiles, projects, invalidation } = config;
  const watched = (name: string, check: WatchedSecret['check'], apply: WatchedSecret['apply']): WatchedSecret => ({
    path: secretFiles[name],
    variable: fileVariable(name),
    check,
    apply,
  });
  const isListed = projects.some(({ id }) => id === project);
  return [
    ...(project === undefined || isListed
      ? []
      : [watched('DATATRICS_API_KEY', apiKey, (value) => setKey(project, value))]),
    ...projects.map(({ id, apiKeyFrom, apiKeyFile }) => ({
      ...watched(apiKeyFrom, apiKey, (value) => setKey(id, value)),
      path: apiKeyFile,
    })),
    ...invalidation.map(({ secretFrom, secretFile }, index) => ({
      ...watched(secretFrom, secret, (value) => setTargetSecret(index, value)),
      path: secretFile,
    })),
    watched('ROUTER_SECRET', secret, (value) => {
      routerSecrets.header = value;
    }),
    watched('ROUTER_HMAC_SECRET', hmacSecret, (value) => {
      routerSecrets.hmac = value;
    }),
  ];
}
