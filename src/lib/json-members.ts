import { scanner } from './json-scan.ts';

/** Maximum depth of directly nested lists, because the reader reads them recursively. It refuses deeper ones. */
export const MAX_LIST_DEPTH = 64;

/** Index of the wanted member names. */
export interface WantedNames {
  readonly indices: ReadonlyMap<string, number>;
  /** By a hash of length and first character: 0 when no wanted name has this hash. */
  readonly hints: Uint8Array;
}

const { bytes, end, fail, plain, skipColon, skipName, skipString } = scanner;
const QUOTE = '"'.charCodeAt(0);

/** Whether a name can be compared by bytes: only ASCII bytes stand for one character each. */
export function isPlain(name: string): boolean {
  return /^[ -~]+$/.test(name);
}

/** Creates the index of these names. */
export function indexNames(names: readonly string[]): WantedNames {
  const hints = new Uint8Array(1_024);
  if (!names.every(isPlain)) hints.fill(1);
  for (const name of names) hints[hint(name.length, name.charCodeAt(0))] = 1;
  return { indices: new Map(names.map((name, k) => [name, k])), hints };
}

function hint(length: number, first: number): number {
  return ((length & 31) << 5) | (first & 31);
}

/** Returns the index of the name at `i`, or undefined for a name that is not wanted. Sets `end[0]` to the start of its value. */
export function memberAt(text: string, i: number, { indices, hints }: WantedNames): number | undefined {
  if (bytes[i] !== QUOTE) fail();
  const to = plain(i + 1);
  if (bytes[to] !== QUOTE) {
    end[0] = skipName(i);
    return indices.get(JSON.parse(text.slice(i, skipString(i))));
  }
  end[0] = skipColon(to + 1);
  if (hints[hint(to - i - 1, bytes[i + 1] as number)] === 0) return undefined;
  return indices.get(text.slice(i + 1, to));
}
