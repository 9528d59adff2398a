import { parseEnv } from 'node:util';
import { readText } from './text-file.ts';

/**
 * An assignment, a comment or an empty line. A value in quotes may have several lines. A value without quotes has no `#`,
 * because Node's parser would cut it off there; a comment follows white space. An empty value has no comment behind it, which
 * could be meant as the value.
 */
const LINE =
  /[ \t]*(?:(?:export[ \t]+)?([A-Za-z_][\w.-]*)[ \t]*=[ \t]*(?:"[^"]*"|'[^']*'|`[^`]*`|[^\s"'`#](?:[^#\n]*[^#\s])?(?=\s|$)|(?=[ \t]*(?:\n|$))))?[ \t]*(?:#[^\n]*)?(?:\n|$)/y;

const NEED =
  'NAME=value, with quotes around a value that has # or several lines and with nothing but a comment behind it, or a comment that starts with #';

/**
 * Reads the variables of the `.env` file in the working directory, if there is one. Node's parser skips lines that it does
 * not understand. So the file is checked first, and refused as a whole if a line is no assignment.
 *
 * @param problems gets a line for each thing that is wrong
 */
export function readEnvFile(problems: string[]): Record<string, string | undefined> {
  let text: string;
  try {
    text = readText('.env').replaceAll('\r\n', '\n');
  } catch (error) {
    const { message } = error as Error;
    if (message !== 'ENOENT')
      problems.push(`.env: got a file that is refused (${message}); needs a text file in UTF-8`);
    return {};
  }
  const names = new Set<string>();
  let isWrong = false;
  for (let at = 0; at < text.length; at = LINE.lastIndex || text.length) {
    LINE.lastIndex = at;
    const match = LINE.exec(text);
    if (match?.[1] !== undefined) names.add(match[1]);
    if (match !== null) continue;
    isWrong = true;
    problems.push(`.env: line ${text.slice(0, at).split('\n').length} is wrong; needs ${NEED}`);
    LINE.lastIndex = text.indexOf('\n', at) + 1;
  }
  if (isWrong) return {};
  const variables = parseEnv(text);
  const unread = [...names].filter((name) => variables[name] === undefined);
  if (unread.length === 0 && Object.keys(variables).length === names.size) return variables;
  problems.push(`.env: got ${unread.join(', ')} in a form that Node does not read; needs NAME=value, one a line`);
  return {};
}
