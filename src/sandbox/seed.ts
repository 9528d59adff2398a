import { createDice } from './dice.ts';
import { seedContents } from './seed-contents.ts';
import { seedEvents } from './seed-events.ts';
import { seedProfiles } from './seed-profiles.ts';
import type { Store } from './store.ts';

/** The sources of the seeded records, in the order in which a reader would try them. */
export const SOURCES = {
  profiles: ['Webshop', 'CRM', 'Magento 2'],
  contents: ['Webshop-EN', 'Magento 2'],
  conversions: ['Webshop', 'Magento 2'],
  interactions: ['Mailing', 'Webshop'],
};

/**
 * Fills a store as three systems would that write to one project: a webshop, a CRM and a Magento shop, each in its own
 * way. The same seed gives the same records. Fixed records for examples are the profile 1001, which has conversions and
 * interactions, the item 2001, the category 5001, the conversion 3001 and the interaction 4001.
 */
export function seedStore(store: Store, seed: number): void {
  const dice = createDice(seed);
  const people = seedProfiles(store, dice);
  const goods = seedContents(store, dice);
  seedEvents(store, dice, people, goods);
}
