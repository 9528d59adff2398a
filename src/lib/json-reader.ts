import { readJson } from './digits.ts';
import { compile } from './json-reader-code.ts';
import { scanner } from './json-scan.ts';
import { learn, shapeOf, type Wanted } from './json-shape.ts';

export type { Wanted } from './json-shape.ts';

/** Characters to read before compiling: a hundred lists. Compiling, and running until that is optimised, costs what it saves there. */
const WORTH = 2 ** 23;
/** A member that is not where it was expected costs as much as so many characters. */
const SURPRISE = 128;

/**
 * Makes a reader of JSON texts. It takes the texts that `readJson` takes, and gives the same values or only what is wanted
 * of them: of objects the wanted members, and everything that is not an object. Then a wanted member that an object lacks
 * is absent from the root, and `undefined` in the objects inside, which therefore share one hidden class.
 *
 * At first it reads by `JSON.parse`. Where it is used much, it learns the order of the members and compiles code for that:
 * a list of 100 records then costs a quarter (`npm run bench:json`). Strings of 13 characters and more are views of the
 * text, which stays in memory as long as they do.
 *
 * @param worth characters that it reads before it compiles, and twice as many before it does so again
 * @throws TypeError when a wanted member is named `__proto__`. The reader throws SyntaxError.
 */
export function createJsonReader(wanted: Wanted, worth: number = WORTH): (text: string) => unknown {
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
        // `JSON.parse` says what is wrong, or reads what is only too long or too deep.
        return readJson(text);
      }
      characters = SURPRISE * code.surprises();
    }
    if (characters > worth) {
      worth *= 2;
      shape = learn(JSON.parse(text), shape);
      code = compile(wanted, shape);
    }
    return value;
  };
}
