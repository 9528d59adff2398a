import { readJson } from './exact-json.ts';
import { compile } from './json-reader-code.ts';
import { scanner } from './json-scan.ts';
import { extendShape, shapeOf, type Wanted } from './json-shape.ts';

export type { Wanted } from './json-shape.ts';

/**
 * Number of characters to read before compiling: about a hundred lists. To compile, and to run the code until V8 optimises it,
 * costs about what the code saves on as many characters.
 */
const COMPILE_AFTER_CHARACTERS = 2 ** 23;
/** Number of characters whose reading costs as much as one member out of the expected order. */
const MISS_CHARACTERS = 128;

/**
 * Creates a reader of JSON texts, which returns what `readJson` does, but of objects only the wanted members. A wanted member
 * that an object lacks is absent from the root, but `undefined` in nested objects, which therefore share one hidden class.
 *
 * First it uses `JSON.parse`. When it has read enough, it learns the order of the members and compiles code for it: a list of
 * 100 records then costs a quarter (`npm run bench:json`). Strings of 13 or more characters are then slices of the text and keep
 * it in memory.
 *
 * @param compileAfter number of characters to read before it compiles. The number doubles after each time
 * @throws TypeError when a wanted member is named `__proto__`. The reader throws SyntaxError and TooManyValues.
 */
export function createJsonReader(
  wanted: Wanted,
  compileAfter: number = COMPILE_AFTER_CHARACTERS,
): (text: string) => unknown {
  if (wanted === true) return readJson;
  let shape = shapeOf(wanted);
  let code: ReturnType<typeof compile> | undefined;
  let characters = 0;
  return (text) => {
    let value: unknown;
    if (code === undefined) {
      value = readJson(text);
      characters += text.length;
    } else {
      try {
        scanner.load(text);
        value = code.read(text);
      } catch (error) {
        if (error !== scanner.REFUSED) throw error;
        // `readJson` throws the proper error, or reads a text that was only too long or too deep.
        return readJson(text);
      }
      characters = MISS_CHARACTERS * code.misses();
    }
    if (characters > compileAfter) {
      compileAfter *= 2;
      shape = extendShape(JSON.parse(text), shape);
      code = compile(wanted, shape);
    }
    return value;
  };
}
