import { scanner } from './json-scan.ts';
import type { Shape, WantedMembers } from './json-shape.ts';

/** A compiled reader. */
export interface Code {
  /** Reads a text that is already loaded into the scanner. Throws `scanner.REFUSED`. */
  readonly read: (text: string) => unknown;
  /** Number of members so far that were out of the expected order or contained objects of unknown shape. */
  readonly misses: () => number;
}

/**
 * Compiles a reader for texts of this shape. It also reads other texts: it looks up members out of the expected order, which
 * costs more.
 */
export function compile(wanted: WantedMembers, shape: Shape): Code {
  const misses = new Int32Array(1);
  const functions: string[] = [];
  const read = define(functions, shape, wanted, 'root');
  const scope = { ...scanner, misses };
  const make = new Function(
    ...Object.keys(scope),
    `'use strict';
    ${functions.join('')}
    return (text) => {
      const value = ${read}(text, space(0), 0);
      if (space(end[0]) !== text.length) fail();
      return value;
    };`,
  );
  return { read: make(...Object.values(scope)), misses: () => misses[0] as number };
}

const code = (character: string): number => character.charCodeAt(0);

/** Moves `i` from a quote to the next quote, backslash or control character. This is `plain` inlined: a call costs half as much again. */
const TO_QUOTE = `
  for (i++; ; i += 4) {
    const word = view.getInt32(i, true), low = word ^ 0x02020202, slash = word ^ 0x5c5c5c5c;
    const flags = (((low - 0x21212121) & ~low) | ((slash - 0x01010101) & ~slash)) & 0x80808080;
    if (flags !== 0) { i += (31 - Math.clz32(flags & -flags)) >> 3; break; }
  }`;

/** Moves `i` from the end of a value to the next one, or leaves the loop when there is none. */
const NEXT = `
  if (bytes[i] !== ${code(',')}) {
    i = space(i);
    if (bytes[i] !== ${code(',')}) break;
  }
  i++;
  if (bytes[i] <= ${code(' ')}) i = space(i);`;

const DIGIT = `bytes[i] >= ${code('0')} && bytes[i] <= ${code('9')}`;

/** Moves `i` from the start of a value to its end. Inlines common strings and numbers. */
function skipping(other: string): string {
  return `
  if (bytes[i] === ${code('"')}) {
    k = i;
    ${TO_QUOTE}
    i = bytes[i] === ${code('"')} ? i + 1 : skip(k);
  } else if (bytes[i] > ${code('0')} && bytes[i] <= ${code('9')}) {
    k = i;
    do i++; while (${DIGIT});
    if (bytes[i] === ${code('.')}) {
      i++;
      if (!(${DIGIT})) fail();
      do i++; while (${DIGIT});
    }
    if ((bytes[i] | 0x20) === ${code('e')}) i = skip(k);
  } else {${other}}`;
}

const SKIPPING_UNKNOWN = skipping(`
  if (bytes[i] === ${code('{')} || (bytes[i] === ${code('[')} && bytes[i + 1] === ${code('{')})) misses[0]++;
  i = skip(i);`);

/** Reads a value into a variable and moves `i` to its end. */
function reading(variable: string, read: string): string {
  const other = `
  if (bytes[i] <= ${code(' ')}) i = space(i);
  ${variable} = ${read}(text, i, 0);
  i = end[0];`;
  if (read !== 'whole') return other;
  return `
  if (bytes[i] === ${code('"')}) {
    k = i;
    ${TO_QUOTE}
    if (bytes[i] === ${code('"')}) ${variable} = text.slice(k + 1, i++);
    else { ${variable} = whole(text, k); i = end[0]; }
  } else if (${DIGIT}) {
    ${variable} = number(text, i);
    i = end[0];
  } else {${other}}`;
}

/** If the next member has this name, handles its value and moves `i` to the member after it. */
function member(name: string, value: string): string {
  const start = `${JSON.stringify(name)}:`;
  return `
  if (${equals(start)}) {
    i += ${start.length};
    ${value}
    ${NEXT}
  }`;
}

/** The condition that this text, of four or more characters, is at `i`. */
function equals(text: string): string {
  const words = Buffer.from(text, 'latin1');
  const last = words.length - 4;
  const offsets = Array.from({ length: Math.ceil(words.length / 4) }, (_, k) => Math.min(4 * k, last));
  return offsets.map((it) => `view.getInt32(i + ${it}, true) === ${words.readInt32LE(it)}`).join(' && ');
}

/**
 * Generates functions that read an object of this shape, or a list of such objects. Without `wanted`, they skip it.
 *
 * @returns the name of the function to call
 */
function define(functions: string[], shape: Shape, wanted?: WantedMembers, place?: 'root'): string {
  const values = Object.entries(wanted ?? {}).map(([name, it], k) => {
    const read = it === true ? 'whole' : define(functions, shape.get(name) ?? new Map(), it);
    return { name, variable: `m${k}`, key: JSON.stringify(name), read };
  });
  // The generated code compares bytes, one for each character. That holds for ASCII names; others take the general path.
  const members = [...shape].filter(([name]) => /^[ -~]+$/.test(name));
  const inOrder = members.map(([name, inside]) => {
    const value = values.find((it) => it.name === name);
    if (value) return member(name, reading(value.variable, value.read));
    if (inside === undefined) return member(name, SKIPPING_UNKNOWN);
    const skip = define(functions, inside);
    return member(name, skipping(`${skip}(text, space(i), 0); i = end[0];`));
  });
  const object = `
  const object = {};
  ${values.map(({ variable, key }) => `if (${variable} !== undefined) object[${key}] = ${variable};`).join('\n')}
  return object;`;
  // Nested objects get all members, so that they share one hidden class.
  const nested = `return { ${values.map(({ variable, key }) => `${key}: ${variable}`).join(', ')} };`;
  const self = `f${functions.length}`;
  functions.push(`
function ${self}(text, i, depth) {
  if (bytes[i] === ${code('{')}) return ${self}Object(text, i + 1);
  if (bytes[i] !== ${code('[')}) ${wanted ? 'return whole(text, i);' : '{ end[0] = skip(i); return; }'}
  if (depth === MAX_DEPTH) fail();
  const list = ${wanted ? '[]' : 'undefined'};
  i = space(i + 1);
  if (bytes[i] !== ${code(']')}) {
    for (;;) {
      const item = bytes[i] === ${code('{')} ? ${self}Object(text, i + 1) : ${self}(text, i, depth + 1);
      ${wanted ? 'list.push(item);' : ''}
      i = end[0];
      ${NEXT}
    }
    if (bytes[i] !== ${code(']')}) fail();
  }
  end[0] = i + 1;
  return list;
}
function ${self}Object(text, i) {
  let ${['k', ...values.map(({ variable }) => variable)].join(', ')};
  i = space(i);
  if (bytes[i] !== ${code('}')}) {
    for (;;) {
      ${inOrder.join('')}
      misses[0]++;
      const name = nameAt(text, i);
      i = end[0];
      switch (name) {
        ${values.map(({ key, variable, read }) => `case ${key}: ${variable} = ${read}(text, i, 0); i = end[0]; break;`).join('\n')}
        default: i = skip(i);
      }
      ${NEXT}
    }
    if (bytes[i] !== ${code('}')}) fail();
  }
  end[0] = i + 1;
  ${wanted ? (place === 'root' ? object : nested) : ''}
}`);
  return self;
}
