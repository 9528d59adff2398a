import { createRandom } from '../../src/sandbox/random.ts';

export type Dice = ReturnType<typeof createDice>;

/** Chance, the same for the same seed, family and round. */
export function createDice(seed: number, family: string, round: number) {
  const random = createRandom(hash(`${seed}/${family}/${round}`));
  const between = (min: number, max: number): number => min + Math.floor(random() * (max - min + 1));
  return {
    /** A whole number from `min` to `max`. */
    between,
    /** A size up to `max`: exactly `max` in the first round, and in a third of the others; else of any order of magnitude. */
    size(max: number, min = 1): number {
      if (round === 0 || random() < 1 / 3) return max;
      return Math.round(min * (max / min) ** random());
    },
    /** Each of these in turn, from round to round, so that a run of as many rounds tries all of them. */
    variant: <T>(values: readonly T[]) => values[round % values.length] as T,
    pick: <T>(values: readonly T[]) => values[between(0, values.length - 1)] as T,
    chance: (rate: number): boolean => random() < rate,
    /** Text of letters and digits. */
    text: (length: number): string => Array.from({ length }, () => Math.floor(random() * 36).toString(36)).join(''),
  };
}

/** FNV-1a, https://datatracker.ietf.org/doc/html/draft-eastlake-fnv */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
