import { createDice } from './random.ts';
import { seedContents } from './seed-contents.ts';
import { seedEvents } from './seed-events.ts';
import { seedProfiles } from './seed-profiles.ts';
import type { Store } from './store.ts';

/** Sources of the seeded records, in the order in which the gateway should try them. */
export const SOURCES = {
  profile: ['Webshop', 'CRM', 'Magento 2'],
  content: ['Webshop-EN', 'Magento 2'],
  conversion: ['Webshop', 'Magento 2'],
  interaction: ['Mailing', 'Webshop'],
};

/**
 * Fills a store with the records of three systems that write to one project: a webshop, a CRM and a Magento shop. Each has
 * its own conventions. The records are always the same, with times up to the day before `now` (ms since 1970). Examples use
 * these fixed records: profile 1001 (with conversions and interactions), item 2001, category 5001, conversion 3001 and
 * interaction 4001.
 */
export function seedStore(store: Store, now = Date.now()): void {
  const dice = createDice(now);
  const people = seedProfiles(store, dice);
  const goods = seedContents(store, dice);
  seedEvents(store, dice, people, goods);
}
