import type { Config } from './config/config.ts';
import { ConfigError } from './config/config-error.ts';

/**
 * Loads the packages of `packages/` that the settings ask for. An installation may leave them out.
 * @throws ConfigError naming those that are not installed
 */
export async function loadPackages({ mcp, telemetry, invalidation, poll }: Config) {
  const problems: string[] = [];
  const hasInvalidation = invalidation.length > 0 || poll !== undefined;
  const packages = {
    mcp: mcp && (await load('MCP', 'mcp', import('@datatrics-gateway/mcp'))),
    tracing: telemetry && (await load('OTEL_…', 'tracing', import('@datatrics-gateway/tracing'))),
    invalidation: hasInvalidation
      ? await load('GATEWAY_CONFIG: invalidation, poll', 'invalidation', import('@datatrics-gateway/invalidation'))
      : undefined,
  };

  async function load<T>(setting: string, name: string, loaded: Promise<T>): Promise<T | undefined> {
    return loaded.catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
      problems.push(
        `${setting}: got a value that needs the package @datatrics-gateway/${name}, which is not installed; ` +
          'needs an installation by `npm ci --omit=dev`, or an image built with `--target full`',
      );
      return undefined;
    });
  }

  if (problems.length > 0) throw new ConfigError(problems);
  return packages;
}
