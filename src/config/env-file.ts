import { parseEnv } from 'node:util';
import { readText } from './text-file.ts';

/** An empty line, or a comment. */
const NOTHING = /[ \t]*(?:#[^\n]*)?(?:\n|$)/y;

/** The start of an assignment, up to its value. */
const NAME = /[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.-]*)[ \t]*=[ \t]*/y;

/** A value in quotes, which may have several lines; only a comment may follow. */
const QUOTED = /(?:"[^"]*"|'[^']*'|`[^`]*`)[ \t]*(?:#[^\n]*)?(?:\n|$)/y;

/** A value without quotes, and a comment after white space. Node's parser would cut off the value at any `#`. */
const PLAIN = /(?:[^\s"'`#](?:[^#\n]*[^#\s])?)?(?:[ \t]+#[^\n]*|[ \t]*)(?:\n|$)/y;

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
  const { names, wrong } = scan(text);
  for (const { line, need } of wrong) problems.push(`.env: line ${line} is wrong; needs ${need}`);
  if (wrong.length > 0) return {};
  const variables = parseEnv(text);
  const unread = [...names].filter((name) => variables[name] === undefined);
  if (unread.length === 0 && Object.keys(variables).length === names.size) return variables;
  problems.push(`.env: got ${unread.join(', ')} in a form that Node does not read; needs NAME=value, one a line`);
  return {};
}

interface WrongLine {
  /** From 1. */
  readonly line: number;
  readonly need: string;
}

/** Finds the names that a text assigns, and the lines that are no assignments. */
function scan(text: string): { names: Set<string>; wrong: WrongLine[] } {
  const names = new Set<string>();
  const wrong: WrongLine[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match) at = pattern.lastIndex;
    return match;
  };
  while (at < text.length) {
    if (take(NOTHING)) continue;
    const start = at;
    const name = take(NAME)?.[1];
    if (name !== undefined && (take(QUOTED) || take(PLAIN))) {
      names.add(name);
      continue;
    }
    const rest = text.slice(at);
    const quote = name === undefined ? undefined : /^["'`]/.exec(rest)?.[0];
    const isOpen = quote !== undefined && !rest.slice(1).includes(quote);
    wrong.push({ line: text.slice(0, start).split('\n').length, need: needOf(name, quote, isOpen) });
    const end = text.indexOf('\n', at);
    // After an unclosed quote, the rest is part of its value.
    at = isOpen || end === -1 ? text.length : end + 1;
  }
  return { names, wrong };
}

function needOf(name: string | undefined, quote: string | undefined, isOpen: boolean): string {
  if (name === undefined) return 'NAME=value, or a comment that starts with #';
  if (isOpen) return `a closing ${quote} for ${name}`;
  if (quote !== undefined) return `nothing but a comment after the closing ${quote} of ${name}`;
  return `quotes around the value of ${name}, since it has a # or a line end that is no line feed`;
}
