import { faker } from '@faker-js/faker/locale/en';
import { createRandom } from './random.ts';

const { person, commerce, location, company } = faker.definitions;

/** Words to make records of. Picking them here is a hundred times as fast as faker's own methods. */
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

/** Chance, the same for the same seed. */
export function createDice(seed: number) {
  const random = createRandom(seed);
  const below = (count: number): number => Math.floor(random() * count);
  return {
    /** A whole number from 0, less than `count`. */
    below,
    chance: (rate: number): boolean => random() < rate,
    pick: <T>(values: readonly T[]): T => values[below(values.length)] as T,
    hex: (digits: number): string => Array.from({ length: digits }, () => below(16).toString(16)).join(''),
    price: (): number => (500 + below(20_000)) / 100,
  };
}

/** Times count from a fixed day, so that data do not depend on when and where they are made. */
const START = Date.UTC(2024, 0, 1, 8);
const SPAN_SECONDS = 700 * 24 * 3600;

/**
 * A time between the first and the last day of the seeded data.
 * @param part 0 to 1
 * @param moreSeconds added to it
 * @returns `YYYY-MM-DD HH:MM:SS`
 */
export function timeAt(part: number, moreSeconds = 0): string {
  const seconds = Math.floor(part * SPAN_SECONDS) + moreSeconds;
  return new Date(START + seconds * 1000).toISOString().slice(0, 19).replace('T', ' ');
}
