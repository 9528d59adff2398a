import { parseEnv } from 'node:util';
import { ConfigError } from './config-error.ts';
import { readText } from './text-file.ts';

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

/** The same, for commands. @throws ConfigError */
export function environment(): Environment {
  const problems: string[] = [];
  const env = readEnvironment(problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return env;
}

/**
 * An assignment, a comment or an empty line. A value in quotes may have several lines. A value without quotes has no `#`,
 * because Node's parser would cut it off there; a comment follows white space. An empty value has no comment behind it, which
 * could be meant as the value.
 */
const LINE =
  /[ \t]*(?:(?:export +)?[A-Za-z_][\w.-]*[ \t]*=[ \t]*(?:"[^"]*"|'[^']*'|`[^`]*`|[^\s"'`#](?:[^#\n]*[^#\s])?(?=\s|$)|(?=[ \t]*(?:\n|$))))?[ \t]*(?:#[^\n]*)?(?:\n|$)/y;

const NEED =
  'NAME=value, with quotes around a value that has # or several lines and with nothing but a comment behind it, or a comment that starts with #';

/** Node's parser skips lines that it does not understand. So the file is refused as a whole if a line is no assignment. */
function readEnvFile(problems: string[]): Record<string, string | undefined> {
  let text: string;
  try {
    text = readText('.env').replaceAll('\r\n', '\n');
  } catch (error) {
    const { message } = error as Error;
    if (message !== 'ENOENT')
      problems.push(`.env: got a file that is refused (${message}); needs a text file in UTF-8`);
    return {};
  }
  const wrong: number[] = [];
  for (let at = 0; at < text.length; at = LINE.lastIndex || text.length) {
    LINE.lastIndex = at;
    if (LINE.test(text)) continue;
    wrong.push(text.slice(0, at).split('\n').length);
    LINE.lastIndex = text.indexOf('\n', at) + 1;
  }
  for (const line of wrong) problems.push(`.env: line ${line} is wrong; needs ${NEED}`);
  return wrong.length > 0 ? {} : parseEnv(text);
}
