import { scanner } from './json-scan.ts';
import type { WantedMembers } from './json-shape.ts';

/** Lists in lists that are nested deeper than this are refused, since they are read by recursion. */
export const MOST_LISTS = 64;

/** The names of wanted members, to look up those of a text. */
export interface WantedNames {
  readonly indices: ReadonlyMap<string, number>;
  /** By length and first character: 0 where no wanted name has these. */
  readonly hints: Uint8Array;
}

const { bytes, end, fail, plain, skip, skipColon, skipName, skipString, space, whole } = scanner;

/**
 * Makes a reader of the text that was loaded into the scanner, which looks up each member's name. It throws
 * `scanner.REFUSED`.
 */
export function interpret(wanted: WantedMembers): (text: string) => unknown {
  const root = nodeOf(wanted, assigned);
  return (text) => {
    const value = readValue(text, space(0), root, 0);
    if (space(end[0] as number) !== text.length) fail();
    return value;
  };
}

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

const [QUOTE, COMMA, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [...Buffer.from('",[]{}')];

/** Members that are wanted, by the index of their name. */
interface Node {
  readonly names: WantedNames;
  /** What is wanted inside, unless it is all. */
  readonly inside: readonly (Node | undefined)[];
  readonly build: Builder;
}

/** Makes an object of the values of its wanted members. */
type Builder = (values: readonly unknown[]) => object;

function nodeOf(wanted: WantedMembers, builderOf: (names: readonly string[]) => Builder): Node {
  const names = Object.keys(wanted);
  return {
    names: indexNames(names),
    inside: Object.values(wanted).map((it) => (it === true ? undefined : nodeOf(it, literal))),
    build: builderOf(names),
  };
}

/** The builder of a literal, since assigning names from a variable would take longer than all else. */
function literal(names: readonly string[]): Builder {
  const members = names.map((name, k) => `${JSON.stringify(name)}: values[${k}]`);
  return new Function('values', `return { ${members.join(', ')} };`) as Builder;
}

function assigned(names: readonly string[]): Builder {
  return (values) => {
    const object: Record<string, unknown> = {};
    for (const [k, name] of names.entries()) if (values[k] !== undefined) object[name] = values[k];
    return object;
  };
}

function readValue(text: string, i: number, node: Node, depth: number): unknown {
  if (bytes[i] === OPEN_OBJECT) return readObject(text, i, node);
  if (bytes[i] !== OPEN_LIST) return whole(text, i);
  if (depth === MOST_LISTS) fail();
  const list: unknown[] = [];
  i = space(i + 1);
  if (bytes[i] !== CLOSE_LIST) {
    for (; ; i = space(i + 1)) {
      list.push(readValue(text, i, node, depth + 1));
      i = space(end[0] as number);
      if (bytes[i] !== COMMA) break;
    }
    if (bytes[i] !== CLOSE_LIST) fail();
  }
  end[0] = i + 1;
  return list;
}

function readObject(text: string, i: number, { names, inside, build }: Node): unknown {
  const values: unknown[] = inside.slice().fill(undefined);
  i = space(i + 1);
  if (bytes[i] !== CLOSE_OBJECT) {
    for (; ; i = space(i + 1)) {
      const index = memberAt(text, i, names);
      i = end[0] as number;
      if (index === undefined) i = skip(i);
      else {
        const node = inside[index];
        values[index] = node === undefined ? whole(text, i) : readValue(text, i, node, 0);
        i = end[0] as number;
      }
      i = space(i);
      if (bytes[i] !== COMMA) break;
    }
    if (bytes[i] !== CLOSE_OBJECT) fail();
  }
  end[0] = i + 1;
  return build(values);
}
