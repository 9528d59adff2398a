import { isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Plugin } from 'graphql-yoga';
import { ConfigError } from './config-error.ts';

const NEED = 'a module whose default export is an array of Yoga or Envelop plugins';

/**
 * Loads the plugins of `GATEWAY_PLUGINS`.
 *
 * @param modules paths, relative ones from the working directory, or names of installed packages
 * @throws ConfigError with a line for each module that does not load, or exports something else
 */
export async function loadPlugins(modules: readonly string[]): Promise<Plugin[]> {
  const problems: string[] = [];
  const plugins: Plugin[] = [];
  for (const name of modules) {
    try {
      const { default: exported } = await import(specifierOf(name));
      if (!Array.isArray(exported)) throw new Error('its default export is not an array');
      const wrong = exported.findIndex((plugin) => typeof plugin !== 'object' || plugin === null);
      if (wrong !== -1) throw new Error(`item ${wrong} of its default export is not an object`);
      plugins.push(...exported);
    } catch (error) {
      problems.push(`GATEWAY_PLUGINS: got ${JSON.stringify(name)} (${firstLine(error)}); needs ${NEED}`);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return plugins;
}

/** The error for plugins that loaded, and then threw when Yoga started them. */
export function pluginsFailed(modules: readonly string[], error: unknown): ConfigError {
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const guilty = modules.filter((name) => stack.includes(specifierOf(name)));
  const names = (guilty.length > 0 ? guilty : modules).join(',');
  return new ConfigError([
    `GATEWAY_PLUGINS: got ${JSON.stringify(names)} (threw at the start: ${firstLine(error)}); needs plugins that start`,
  ]);
}

function specifierOf(name: string): string {
  return name.startsWith('.') || isAbsolute(name) ? pathToFileURL(resolve(name)).href : name;
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
