import { compile } from './json-reader-code.ts';
import { scanner } from './json-scan.ts';
import { learn, shapeOf, type Wanted } from './json-shape.ts';

export type { Wanted } from './json-shape.ts';

/** How many members may come out of the expected order before the order is learned, and twice as many before the next time. */
const PATIENCE = 64;

/**
 * Makes a reader of JSON texts that takes those that `JSON.parse` takes and gives, of the same value, what is wanted: of
 * objects the wanted members, and all that is no object. A wanted member that an object lacks is absent from the root and
 * `undefined` in the objects inside, which so are all of one hidden class.
 *
 * It learns in which order members come: texts of one shape cost a fraction of `JSON.parse`, others may cost as much. Its
 * strings of 13 characters and more are views of the text, which stays in memory as long as they do.
 *
 * @throws TypeError when a wanted member is named `__proto__`. The reader throws SyntaxError.
 */
export function createJsonReader(wanted: Wanted): (text: string) => unknown {
  if (wanted === true) return (text) => JSON.parse(text);
  let shape = shapeOf(wanted);
  let code = compile(wanted, shape);
  let patience = PATIENCE;
  return (text) => {
    let value: unknown;
    try {
      scanner.load(text);
      value = code.read(text);
    } catch (error) {
      if (error !== scanner.REFUSED) throw error;
      // It knows what is wrong, or reads what is only too long or too deep.
      return prune(JSON.parse(text), wanted);
    }
    if (code.surprises() > patience) {
      patience *= 2;
      shape = learn(JSON.parse(text), shape);
      code = compile(wanted, shape);
    }
    return value;
  };
}

/** What is wanted of the value, whose arrays are reused. Not by recursion: arrays in arrays may be deeper than the stack. */
function prune(value: unknown, wanted: Wanted): unknown {
  const root = { value };
  const todo: [holder: object, key: string | number, wanted: Wanted][] = [[root, 'value', wanted]];
  for (const [holder, key, of] of todo) {
    const it: unknown = Reflect.get(holder, key);
    if (of === true || typeof it !== 'object' || it === null) continue;
    if (Array.isArray(it)) {
      for (let i = 0; i < it.length; i++) todo.push([it, i, of]);
      continue;
    }
    const kept: Record<string, unknown> = {};
    for (const [name, inside] of Object.entries(of)) {
      if (!Object.hasOwn(it, name)) continue;
      kept[name] = Reflect.get(it, name);
      todo.push([kept, name, inside]);
    }
    Reflect.set(holder, key, kept);
  }
  return root.value;
}
