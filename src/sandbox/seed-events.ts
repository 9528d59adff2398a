import type { Dice } from './random.ts';
import type { Good, Goods } from './seed-contents.ts';
import { type People, UNUSUAL_IDS } from './seed-profiles.ts';
import type { JsonObject, Store } from './store.ts';

const SHOP_SALES = 1700;
const MAGENTO_SALES = 400;
const MAILS = 4600;
const VISITS = 500;
/** Number of newest sales and mails, at the start of lists, that refer only to existing profiles. */
const NEWEST = 100;
/** Customers of the shop who order often, and the share of the orders that are theirs. */
const REGULARS = 20;
const REGULARS_SHARE = 0.6;
/** Records of the profile 1001. The first is the newest of its list; the others are spread over the time before. */
const DEMO_SALES = 4;
const DEMO_MAILS = 8;

/** Adds sales and interactions. A few refer to profiles and items that do not exist. */
export function seedEvents(store: Store, dice: Dice, people: People, goods: Goods): void {
  for (let i = 0; i < SHOP_SALES; i += 1) store.put('conversion', makeShopSale(dice, i, people, goods));
  for (let i = 0; i < MAGENTO_SALES; i += 1) store.put('conversion', makeMagentoSale(dice, i, people, goods));
  for (let i = DEMO_SALES - 1; i >= 0; i -= 1) store.put('conversion', makeDemoSale(dice, i, people, goods));
  for (let i = 0; i < MAILS; i += 1) store.put('interaction', makeMail(dice, i, people));
  for (let i = 0; i < VISITS; i += 1) store.put('interaction', makeVisit(dice, i, people, goods));
  for (let i = DEMO_MAILS - 1; i >= 0; i -= 1) store.put('interaction', makeDemoMail(dice, i));
}

function makeShopSale(dice: Dice, i: number, { shop }: People, goods: Goods): JsonObject {
  const person = dice.chance(REGULARS_SHARE) ? dice.pick(shop.slice(1, REGULARS + 1)) : dice.pick(shop);
  const isGone = dice.chance(0.02) && i < SHOP_SALES - NEWEST;
  const items = Array.from({ length: 1 + dice.below(4) }, () => makeLine(dice, goods.shop));
  const total = sum(items);
  const created = dice.time((i + 0.5) / SHOP_SALES, dice.below(3600));
  return {
    conversionid: (i % 400 === 399 ? UNUSUAL_IDS[(i - 399) / 400] : undefined) ?? `${30_001 + i}`,
    source: 'Webshop',
    created,
    updated: dice.chance(0.03) ? '' : created,
    profileid: isGone ? `gone-${i}` : person.profileid,
    email: dice.chance(0.05) ? '' : person.email,
    total: dice.chance(0.03) ? total.toFixed(2).replace('.', ',') : total,
    currency: 'EUR',
    status: dice.pick(['paid', 'shipped', 'returned']),
    shipping: dice.pick([0, 4.95, '4,95']),
    items: dice.chance(0.02) ? '' : items,
  };
}

/** Makes a sale as the Magento plugin sends it: other names for the profile and the times, and SKUs as item ids. */
function makeMagentoSale(dice: Dice, i: number, { magento }: People, goods: Goods): JsonObject {
  const person = dice.pick(magento);
  const items = Array.from({ length: 1 + dice.below(3) }, () => makeLine(dice, goods.magento, true));
  const time = dice.time((i + 0.5) / MAGENTO_SALES, dice.below(3600));
  return {
    conversionid: `${100_000_001 + i}`,
    source: 'Magento 2',
    entity_id: i + 1,
    profile_id: person.profileid,
    email: person.email,
    total: sum(items).toFixed(4),
    status: 'Queued for Update',
    created_at: time,
    updated_at: time,
    items,
  };
}

function makeDemoSale(dice: Dice, i: number, { shop }: People, goods: Goods): JsonObject {
  const items = goods.shop.slice(i, i + 2).map((good) => line(good, good.id, 1));
  const created = dice.time(1 - i * 0.06, 3600);
  return {
    conversionid: `${3001 + i}`,
    source: 'Webshop',
    created,
    updated: created,
    profileid: shop[0]?.profileid,
    email: shop[0]?.email,
    total: sum(items),
    currency: 'EUR',
    status: 'paid',
    items,
  };
}

function makeLine(dice: Dice, goods: readonly Good[], isBySku = false) {
  const good = dice.pick(goods);
  const isGone = !isBySku && dice.chance(0.03);
  return line(good, isGone ? `gone-${good.id}` : isBySku ? good.sku : good.id, 1 + dice.below(3));
}

function line({ name, price }: Good, itemid: string | number, quantity: number) {
  return { itemid, name, price, quantity, total: cents(price * quantity) };
}

function sum(lines: readonly { readonly total: number }[]): number {
  return cents(lines.reduce((total, one) => total + one.total, 0));
}

function cents(amount: number): number {
  return Math.round(amount * 100) / 100;
}

function makeMail(dice: Dice, i: number, { shop, magento }: People): JsonObject {
  const person = dice.pick(dice.chance(0.9) ? shop : magento);
  const metadata = {
    datetime: dice.time((i + 0.5) / MAILS, dice.below(3600)),
    profileid: dice.chance(0.02) && i < MAILS - NEWEST ? `gone-${i}` : person.profileid,
    event: dice.pick(['open', 'open', 'open', 'click', 'click', 'bounce']),
    emailid: `${70_001 + Math.floor(i / 200)}`,
  };
  const interactionid = (i % 900 === 899 ? UNUSUAL_IDS[(i - 899) / 900] : undefined) ?? `${40_001 + i}`;
  // PHP encodes an empty map as an empty JSON array.
  return { interactionid, source: 'Mailing', objecttype: 'interaction', metadata: i < 3 ? [] : metadata };
}

function makeVisit(dice: Dice, i: number, { shop }: People, goods: Goods): JsonObject {
  const { id } = dice.pick(goods.shop);
  const metadata = {
    datetime: dice.time((i + 0.5) / VISITS, dice.below(3600)),
    profileid: dice.pick(shop).profileid,
    event: dice.pick(['view', 'cart']),
    itemid: id,
    'my field': dice.pick(['A', 'B']),
  };
  return { interactionid: `${60_001 + i}`, source: 'Webshop', objecttype: 'visit', metadata };
}

function makeDemoMail(dice: Dice, i: number): JsonObject {
  const metadata = {
    datetime: dice.time(1 - i * 0.04, 3600),
    profileid: '1001',
    event: i % 2 === 0 ? 'click' : 'open',
    emailid: `${70_023 - i}`,
  };
  return { interactionid: `${4001 + i}`, source: 'Mailing', objecttype: 'interaction', metadata };
}
