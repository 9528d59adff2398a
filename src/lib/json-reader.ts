import { readJson } from './digits.ts';
import { interpret } from './json-members.ts';
import { compile } from './json-reader-code.ts';
import { scanner } from './json-scan.ts';
import { lackingOf, learn, shapeOf, type Wanted } from './json-shape.ts';

export type { Wanted } from './json-shape.ts';

/** Compiling, and running until that is optimised, costs what compiled code saves in so many characters: a hundred lists. */
const WORTH = 2 ** 23;
/** A member that is not where it was expected costs as much as so many characters. */
const SURPRISE = 128;

/**
 * Makes a reader of JSON texts that takes those that `readJson` takes and gives, of the same value, what is wanted: of
 * objects the wanted members, and all that is no object. A wanted member that an object lacks is absent from the root, and
 * `undefined` in the objects inside, which so are all of one hidden class.
 *
 * At first it looks names up, which costs about half of `JSON.parse`, or as much where nearly all is wanted. Where it is
 * used much it learns in which order members come and compiles code for that: texts of that shape then cost a quarter or
 * less. Its strings of 13 characters and more are views of the text, which stays in memory as long as they do.
 *
 * @param worth how many characters it reads before it compiles, and twice as many before it does so again
 * @throws TypeError when a wanted member is named `__proto__`. The reader throws SyntaxError.
 */
export function createJsonReader(wanted: Wanted, worth: number = WORTH): (text: string) => unknown {
  if (wanted === true) return readJson;
  let shape = shapeOf(wanted);
  let read = interpret(wanted);
  let surprises: (() => number) | undefined;
  let characters = 0;
  return (text) => {
    let value: unknown;
    try {
      scanner.load(text);
      value = read(text);
    } catch (error) {
      if (error !== scanner.REFUSED) throw error;
      // It knows what is wrong, or reads what is only too long or too deep.
      return prune(readJson(text), wanted);
    }
    if (surprises === undefined) characters += text.length;
    else characters = SURPRISE * surprises();
    if (characters > worth) {
      worth *= 2;
      shape = learn(JSON.parse(text), shape);
      ({ read, surprises } = compile(wanted, shape));
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
    const kept: Record<string, unknown> = of === wanted ? {} : lackingOf(of);
    for (const [name, inside] of Object.entries(of)) {
      if (!Object.hasOwn(it, name)) continue;
      kept[name] = Reflect.get(it, name);
      todo.push([kept, name, inside]);
    }
    Reflect.set(holder, key, kept);
  }
  return root.value;
}
