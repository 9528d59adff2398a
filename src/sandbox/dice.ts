import { faker } from '@faker-js/faker/locale/en';
import { createRandom } from './random.ts';

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

export type Dice = ReturnType<typeof createDice>;

/** Creates a random generator. The same seed gives the same values. */
export function createDice(seed: number) {
  const random = createRandom(seed);
  const below = (count: number): number => Math.floor(random() * count);
  return {
    /** Returns a whole number from 0 to `count` - 1. */
    below,
    chance: (rate: number): boolean => random() < rate,
    pick: <T>(values: readonly T[]): T => values[below(values.length)] as T,
    hex: (digits: number): string => Array.from({ length: digits }, () => below(16).toString(16)).join(''),
    price: (): number => (500 + below(20_000)) / 100,
  };
}

/** All times count from this fixed day, so that the data do not depend on the time of generation. */
const START = Date.UTC(2024, 0, 1, 8);
const SPAN_SECONDS = 700 * 24 * 3600;

/**
 * Returns a time within the range of the seeded data.
 * @param part position in the range, 0 to 1
 * @param moreSeconds seconds to add
 * @returns `YYYY-MM-DD HH:MM:SS`, in UTC
 */
export function timeAt(part: number, moreSeconds = 0): string {
  const seconds = Math.floor(part * SPAN_SECONDS) + moreSeconds;
  return new Date(START + seconds * 1000).toISOString().slice(0, 19).replace('T', ' ');
}
