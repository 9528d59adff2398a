import { ConfigError } from './config-error.ts';
import { readEnvFile } from './env-file.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Leaves out empty variables, which count as unset. */
export function withoutEmpty(env: Environment): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''));
}

/**
 * Reads the variables of the process, which take precedence, and those of the `.env` file in the working directory.
 * @param problems gets a line for each thing that is wrong with the file
 */
export function readEnvironment(problems: string[]): Environment {
  return { ...readEnvFile(problems), ...withoutEmpty(process.env) };
}

/**
 * The same, for commands.
 * @throws ConfigError
 */
export function environment(): Environment {
  const problems: string[] = [];
  const env = readEnvironment(problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return env;
}
