import { type Document, isPair, LineCounter, parseDocument, Scalar, visit } from 'yaml';
import { removedSetting } from './names.ts';
import { readText } from './text-file.ts';
import { SECRETS } from './variables.ts';

/** What a configuration file holds. */
export interface ConfigFile {
  /** By the variables' names. */
  readonly settings: Readonly<Record<string, string>>;
  /** Parts that fit no variable, as written: what is in them is checked where it is used. */
  readonly sections: Readonly<Record<string, unknown>>;
}

const SECTIONS: ReadonlySet<string> = new Set(['projects', 'customFields', 'freshness', 'upstream']);

/** Settings that are ids, keys or names: no text that any YAML reader converts may stand for them without quotes. */
const TEXTS = /^(?:DATATRICS_(?:PROJECT|API_KEY|\w+_SOURCES|CONVERSION_PROFILE_FIELD)|ROUTER_\w+|PII_KEY|PII_FIELDS)$/;

/** The same in the list of projects. */
const PROJECT_TEXTS: ReadonlySet<string> = new Set([
  'id',
  'apiKeyFrom',
  'profileSources',
  'contentSources',
  'conversionSources',
  'interactionSources',
  'conversionProfileField',
  'timeZone',
]);

/** Reads a JSON or YAML file of settings by their variables' names, where lists may be lists, and of sections. */
export function readFile(path: string | undefined, names: readonly string[], problems: string[]): ConfigFile {
  const nothing: ConfigFile = { settings: {}, sections: {} };
  if (!path) return nothing;
  const tell = (problem: string): void => {
    problems.push(`GATEWAY_CONFIG: ${problem}`);
  };
  const shown = JSON.stringify(path);
  const lines = new LineCounter();
  let document: Document.Parsed;
  let content: unknown;
  try {
    document = parseDocument(readText(path), { prettyErrors: false, lineCounter: lines });
    const wrong = [...document.errors, ...document.warnings];
    // Their messages may quote the file.
    for (const { code, pos } of wrong) {
      tell(`got ${shown} (${code} in line ${lines.linePos(pos[0]).line}); needs a readable JSON or YAML file`);
    }
    if (wrong.length > 0) return nothing;
    content = document.toJS();
  } catch (error) {
    // Such as an alias without an anchor, which only shows when it is resolved.
    const reason = error instanceof ReferenceError ? 'BAD_ALIAS' : (error as Error).message;
    tell(`got ${shown} (${reason}); needs a readable JSON or YAML file`);
    return nothing;
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    tell(`got ${shown}; needs a file with one object of settings`);
    return nothing;
  }
  for (const problem of conversions(document, lines)) tell(problem);
  const settings: Record<string, string> = {};
  const sections: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(content)) {
    if (SECTIONS.has(name)) sections[name] = value;
    else if (!names.includes(name)) {
      const sections = [...SECTIONS].join(', ');
      tell(removedSetting(name) ?? `got the setting "${name}"; needs names of variables, or ${sections}`);
    } else {
      const text = textOf(value);
      if (text === null) tell(`got ${kindOf(value)} for ${name}; needs a text, or a list of texts without commas`);
      else settings[name] = text;
    }
  }
  return { settings, sections };
}

/** A setting as its variable would have it, or null. */
function textOf(value: unknown): string | null {
  if (value === null) return '';
  if (!Array.isArray(value)) return typeof value === 'object' ? null : String(value);
  const isList = value.every((item) => item === null || (typeof item !== 'object' && !String(item).includes(',')));
  return isList ? value.join(',') : null;
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? 'a list' : 'an object';
}

/** Texts without quotes that YAML takes for something else, such as `012345`, which is the number 12345. */
function conversions(document: Document.Parsed, lines: LineCounter): string[] {
  const found: string[] = [];
  visit(document, {
    Scalar(key, { type, source, value, range }, path) {
      if (key === 'key' || type !== Scalar.PLAIN || !source) return;
      const place = path.filter(isPair).map((pair) => String(pair.key));
      const [name = '', member = ''] = place;
      const isSection = SECTIONS.has(name);
      if (isSection && !(name === 'projects' && PROJECT_TEXTS.has(member))) return;
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

/** Whether readers of YAML 1.1 make something else of it, such as of yes, 1_000 or 2024-01-01. */
function isConvertedByOthers(source: string): boolean {
  return !isTextOf(parseDocument(source, { version: '1.1' }).toJS(), source);
}
