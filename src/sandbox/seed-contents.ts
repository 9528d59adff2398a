import { type Dice, WORDS } from './random.ts';
import { UNUSUAL_IDS } from './seed-profiles.ts';
import type { JsonObject, Store } from './store.ts';

/** The fields of an item that the lines of a sale use. */
export interface Good {
  readonly id: string | number;
  readonly sku: string;
  readonly name: string;
  readonly price: number;
}

export type Goods = ReturnType<typeof seedContents>;

const SHOP_COUNT = 270;
const MAGENTO_COUNT = 80;
const SHOP_CATEGORY_COUNT = 24;
const MAGENTO_CATEGORY_COUNT = 8;

export function seedContents(store: Store, dice: Dice) {
  for (let i = 0; i < SHOP_CATEGORY_COUNT; i += 1) store.put('category', makeCategory(dice, i));
  for (let i = 0; i < MAGENTO_CATEGORY_COUNT; i += 1) store.put('category', makeMagentoCategory(dice, i));
  const make = (count: number, makeGood: (i: number) => Good, makeRecord: (good: Good, i: number) => JsonObject) =>
    Array.from({ length: count }, (_, i) => {
      const good = makeGood(i);
      store.put('item', makeRecord(good, i));
      return good;
    });
  return {
    shop: make(
      SHOP_COUNT,
      (i) => ({ id: shopId(i), sku: `W-${2001 + i}`, name: makeName(dice), price: dice.price() }),
      (good, i) => makeShopItem(dice, good, i),
    ),
    magento: make(
      MAGENTO_COUNT,
      (i) => ({
        id: i + 1,
        sku: `MG-${100 + i}/${dice.pick(['S', 'M', 'L'])}`,
        name: makeName(dice),
        price: dice.price(),
      }),
      (good, i) => makeMagentoItem(dice, good, i),
    ),
  };
}

function shopId(i: number): string {
  return (i % 60 === 59 ? UNUSUAL_IDS[(i - 59) / 60] : undefined) ?? `${2001 + i}`;
}

function makeName(dice: Dice): string {
  return `${dice.pick(WORDS.adjective)} ${dice.pick(WORDS.material)} ${dice.pick(WORDS.product)}`;
}

/** Makes an item of the webshop. Lower numbers are newer, so that lists start with 2001. */
function makeShopItem(dice: Dice, { id, sku, name, price }: Good, i: number): JsonObject {
  const color = dice.pick(WORDS.color);
  const description = `${name} in ${color}, in stock again.`;
  const category = dice.below(SHOP_CATEGORY_COUNT);
  // The first item has no odd values, since lists and examples start with it.
  const odd = (rate: number): boolean => dice.chance(rate) && i > 0;
  return {
    id,
    name,
    description: odd(0.1) ? `<p>${description}</p>` : description,
    short_description: odd(0.1) ? '' : name,
    url: `https://shop.example/product/${2001 + i}`,
    sku,
    price: odd(0.06) ? price.toFixed(2).replace('.', ',') : price,
    currency: 'EUR',
    stock: odd(0.06) ? `${dice.below(200)}` : dice.below(200),
    color,
    status: odd(0.3) ? '1' : 1,
    categories: odd(0.05) ? '' : [{ categoryid: `${5001 + category}`, name: categoryName(category) }],
    ...(i % 45 === 7 && { 'my field': 'free text', '1st': 'yes' }),
    metadata: {
      source: 'Webshop-EN',
      itemtype: odd(0.08) ? 'article' : 'product',
      objecttype: 'item',
      ...dice.times(1 - (i + 0.5) / SHOP_COUNT),
      image: odd(0.04) ? '' : `https://shop.example/images/${2001 + i}.jpg`,
    },
  };
}

/** Makes an item as the Magento plugin sends it: ids are whole numbers, and missing values are empty strings. */
function makeMagentoItem(dice: Dice, { id, sku, name, price }: Good, i: number): JsonObject {
  const category = dice.below(MAGENTO_CATEGORY_COUNT);
  return {
    id,
    name,
    description: `<p>${name}</p>`,
    short_description: '',
    url: `https://magento.example/${id}.html`,
    sku,
    price: price.toFixed(4),
    special_price: '',
    parent_id: '',
    additional_images: '',
    categories: [{ categoryid: 100 + category, name: `Home > ${categoryName(category)}` }],
    in_stock: dice.below(2),
    stock: dice.below(50),
    metadata: {
      source: 'Magento 2',
      itemtype: 'product',
      objecttype: 'item',
      ...dice.times(1 - (i + 0.5) / MAGENTO_COUNT),
      image: '',
    },
  };
}

function makeCategory(dice: Dice, i: number): JsonObject {
  const id = `${5001 + i}`;
  const name = categoryName(i);
  const url = `https://shop.example/category/${id}`;
  const metadata = categoryMetadata('Webshop-EN', dice.times(1 - (i + 0.5) / SHOP_CATEGORY_COUNT));
  return { id, name, description: `All of ${name.toLowerCase()}.`, url, metadata };
}

function makeMagentoCategory(dice: Dice, i: number): JsonObject {
  const id = 100 + i;
  const url = `https://magento.example/category-${id}.html`;
  const metadata = categoryMetadata('Magento 2', dice.times(1 - (i + 0.5) / MAGENTO_CATEGORY_COUNT));
  return { id, categoryid: id, name: `Home > ${categoryName(i)}`, url, metadata };
}

function categoryMetadata(source: string, times: object): JsonObject {
  return { source, itemtype: 'category', objecttype: 'category', ...times };
}

function categoryName(i: number): string {
  return WORDS.department[i % WORDS.department.length] as string;
}
