import { scanner } from './json-scan.ts';

/** Lists in lists that are nested deeper than this are refused, since they are read by recursion. */
export const MOST_LISTS = 64;

/** The names of wanted members, to look up those of a text. */
export interface WantedNames {
  readonly indices: ReadonlyMap<string, number>;
  /** By length and first character: 0 where no wanted name has these. */
  readonly hints: Uint8Array;
}

const { bytes, end, fail, plain, skipColon, skipName, skipString } = scanner;
const QUOTE = '"'.charCodeAt(0);

/** Whether a name can be told by its bytes, which stand for other characters too if beyond ASCII. */
export function isPlain(name: string): boolean {
  return /^[ -~]+$/.test(name);
}

export function indexNames(names: readonly string[]): WantedNames {
  const hints = new Uint8Array(1_024);
  if (!names.every(isPlain)) hints.fill(1);
  for (const name of names) hints[hint(name.length, name.charCodeAt(0))] = 1;
  return { indices: new Map(names.map((name, k) => [name, k])), hints };
}

function hint(length: number, first: number): number {
  return ((length & 31) << 5) | (first & 31);
}

/** Gives the index of the name that is here, if it is a wanted one; in `end[0]`, where its value begins. */
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
