import { faker } from '@faker-js/faker/locale/en';

const { person, commerce, location, company } = faker.definitions;

/** Words for generated records. Picking from these lists is a hundred times faster than faker's methods. */
export const WORDS = {
  female: person.first_name.female ?? [],
  male: person.first_name.male ?? [],
  last: person.last_name.generic ?? [],
  city: location.city_name,
  legal: company.legal_entity_type as readonly string[],
  adjective: commerce.product_name.adjective,
  material: commerce.product_name.material,
  product: commerce.product_name.product,
  department: commerce.department,
  country: ['The Netherlands', 'Belgium', 'Germany', 'France', 'Denmark', 'Spain', 'Ireland'],
  color: ['black', 'white', 'navy', 'olive', 'red', 'sand'],
} as const;

/** Returns a generator of numbers from 0 to 1 (mulberry32). The same seed gives the same numbers. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return function random() {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export type Dice = ReturnType<typeof createDice>;

const DAY_SECONDS = 24 * 3600;
/** Range of the times of records: they end on the day before. */
const RANGE_SECONDS = 700 * DAY_SECONDS;

/**
 * Creates a generator of random values, always the same ones, with the same times on the same day.
 * @param now ms since 1970
 */
export function createDice(now: number) {
  const today = Math.floor(now / 1000 / DAY_SECONDS) * DAY_SECONDS;
  const start = today - DAY_SECONDS - RANGE_SECONDS;
  const random = createRandom(1);
  const below = (count: number): number => Math.floor(random() * count);
  /**
   * Returns a time before today: `YYYY-MM-DD HH:MM:SS`, in UTC.
   * @param part position in the range, 0 to 1
   * @param moreSeconds seconds to add, up to a day
   */
  function time(part: number, moreSeconds = 0): string {
    const seconds = start + Math.floor(part * RANGE_SECONDS) + moreSeconds;
    return new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ');
  }
  return {
    /** Returns a whole number from 0 to `count` - 1. */
    below,
    chance: (rate: number): boolean => random() < rate,
    pick: <T>(values: readonly T[]): T => values[below(values.length)] as T,
    hex: (digits: number): string => Array.from({ length: digits }, () => below(16).toString(16)).join(''),
    time,
    /** Returns the times of a record: it was created at this part of the range, and updated later. */
    times: (part: number) => ({
      created: time(part, below(3600)),
      updated: time(part + (1 - part) * 0.5, below(DAY_SECONDS)),
    }),
    price: (): number => (500 + below(20_000)) / 100,
  };
}
