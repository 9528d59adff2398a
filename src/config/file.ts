import { type Document, isPair, LineCounter, parseDocument, Scalar, visit } from 'yaml';
import { SDK_PREFIX } from './telemetry.ts';
import { readText } from './text-file.ts';
import { removedSetting } from './unknown-names.ts';
import { SECRETS } from './variables.ts';

const SECTIONS = new Set(['projects', 'customFields', 'freshness', 'upstream', 'invalidation', 'poll']);

/** Settings that are ids, keys or names. They need quotes where any version of YAML would convert them. */
const TEXTS = /^(?:DATATRICS_(?:PROJECT|API_KEY|\w+_SOURCES|CONVERSION_PROFILE_FIELD)|ROUTER_\w+|PII_KEY|PII_FIELDS)$/;

/** The same in the list of projects. */
const PROJECT_TEXTS = /^(?:id|apiKeyFrom|\w+Sources|conversionProfileField|timeZone)$/;

/**
 * Reads a JSON or YAML file. Returns its settings by the names of their variables, and the parts that fit no variable, unchecked.
 *
 * @param names of the settings that it may have
 * @param problems gets a line for each thing that is wrong
 */
export function readFile(path: string | undefined, names: readonly string[], problems: string[]) {
  const settings: Record<string, string> = {};
  const sections: Record<string, unknown> = {};
  const report = (problem: string): void => {
    problems.push(`GATEWAY_CONFIG: ${problem}`);
  };
  for (const [name, value] of path === undefined ? [] : Object.entries(parse(path, report))) {
    if (SECTIONS.has(name)) sections[name] = value;
    else if (!names.includes(name) && !name.startsWith(SDK_PREFIX)) {
      const need = `names of variables, or ${[...SECTIONS].join(', ')}`;
      report(removedSetting(name) ?? `got the setting "${name}"; needs ${need}`);
    } else {
      const text = textOf(value);
      const got = Array.isArray(value) ? 'a list' : 'an object';
      if (text === null) report(`got ${got} for ${name}; needs a text, or a list of texts without commas`);
      else settings[name] = text;
    }
  }
  return { settings, sections };
}

/** Returns the members of the file; none after a problem with it. */
function parse(path: string, report: (problem: string) => void): object {
  const refuse = (reason: string): object => {
    report(`got ${JSON.stringify(path)} (${reason}); needs a readable JSON or YAML file with one object of settings`);
    return {};
  };
  const lines = new LineCounter();
  try {
    const document = parseDocument(readText(path), { prettyErrors: false, lineCounter: lines });
    const wrong = [...document.errors, ...document.warnings];
    // Only their codes: the messages may quote the file.
    for (const { code, pos } of wrong) refuse(`${code} in line ${lines.linePos(pos[0]).line}`);
    if (wrong.length > 0) return {};
    const content: unknown = document.toJS();
    if (typeof content !== 'object' || content === null || Array.isArray(content)) return refuse('no object');
    for (const problem of conversions(document, lines)) report(problem);
    return content;
  } catch (error) {
    // An alias without an anchor shows only in `toJS`.
    return refuse(error instanceof ReferenceError ? 'BAD_ALIAS' : (error as Error).message);
  }
}

/** A setting as the text of its variable; null for one that cannot be a text. */
function textOf(value: unknown): string | null {
  const items = Array.isArray(value) ? value : [value];
  if (items.some((item) => typeof item === 'object' && item !== null)) return null;
  // An item with a comma would be split.
  if (Array.isArray(value) && items.some((item) => String(item).includes(','))) return null;
  return items.map((item) => item ?? '').join();
}

/** A problem for each text without quotes that YAML converts, such as `012345`, which is the number 12345. */
function conversions(document: Document.Parsed, lines: LineCounter): string[] {
  const found: string[] = [];
  visit(document, {
    Scalar(key, { type, source, value, range }, path) {
      if (key === 'key' || type !== Scalar.PLAIN || !source) return;
      const place = path.filter(isPair).map((pair) => String(pair.key));
      const [name = '', member = ''] = place;
      const isSection = SECTIONS.has(name);
      if (isSection && !(name === 'projects' && PROJECT_TEXTS.test(member))) return;
      const isText = isSection || TEXTS.test(name);
      if (isTextOf(value, source) && !(isText && isConvertedByOthers(source))) return;
      const got = SECRETS.has(name) ? 'a value that is not shown' : JSON.stringify(source);
      const { line } = lines.linePos(range?.[0] ?? 0);
      found.push(`${place.join('.')} in line ${line}: got ${got}, which YAML converts to another text; quote it`);
    },
  });
  return found;
}

function isTextOf(value: unknown, source: string): boolean {
  return value !== null && String(value) === source;
}

/** Whether YAML 1.1 converts a text, such as yes, 1_000 or 2024-01-01. */
function isConvertedByOthers(source: string): boolean {
  return !isTextOf(parseDocument(source, { version: '1.1' }).toJS(), source);
}
