import type { Config } from './config/config.ts';
import { ConfigError } from './config/config-error.ts';

/**
 * What only some gateways need.
 * @throws ConfigError naming those that the settings ask for and that are not installed
 */
export async function loadPackages({ mcp, telemetry, invalidation, poll }: Config) {
  const problems: string[] = [];
  const packages = {
    mcp: mcp && (await loadPackage('MCP', 'mcp', () => import('@datatrics-gateway/mcp'), problems)),
    tracing:
      telemetry && (await loadPackage('OTEL_…', 'tracing', () => import('@datatrics-gateway/tracing'), problems)),
    invalidation:
      invalidation.length > 0 || poll
        ? await loadPackage(
            'GATEWAY_CONFIG: invalidation, poll',
            'invalidation',
            () => import('@datatrics-gateway/invalidation'),
            problems,
          )
        : undefined,
  };
  if (problems.length > 0) throw new ConfigError(problems);
  return packages;
}

/**
 * Loads a package of `packages/`, which an installation may leave out.
 *
 * @param setting the variable that asks for it
 * @param name of its folder
 * @param load imports it
 * @param problems gets a line if it is not installed
 */
async function loadPackage<T>(
  setting: string,
  name: string,
  load: () => Promise<T>,
  problems: string[],
): Promise<T | undefined> {
  try {
    return await load();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    problems.push(
      `${setting}: got a value that needs the package @datatrics-gateway/${name}, which is not installed; ` +
        'needs an installation by `npm ci --omit=dev`, or an image built with `--target full`',
    );
    return undefined;
  }
}
