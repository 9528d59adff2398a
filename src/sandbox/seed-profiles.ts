import { type Dice, WORDS } from './random.ts';
import type { JsonObject, Store } from './store.ts';

export type People = ReturnType<typeof seedProfiles>;

const SHOP_COUNT = 750;
const CRM_COUNT = 250;
const CRM_SHARED_COUNT = 100;
const MAGENTO_COUNT = 200;

/** Ids that need escaping in a URL. The API accepts all of them. */
export const UNUSUAL_IDS = ['abc:123', 'A/B 1#x+%', 'who?me=1&you', 'Łódź 7'];

/** Returns the profiles to which other records refer. */
export function seedProfiles(store: Store, dice: Dice) {
  const make = (count: number, makeProfile: (i: number) => JsonObject): JsonObject[] =>
    Array.from({ length: count }, (_, i) => {
      const profile = makeProfile(i);
      store.put('profile', profile);
      return profile;
    });
  const shop = make(SHOP_COUNT, (i) => (i === 0 ? demoProfile(dice) : makeShopProfile(dice, i)));
  make(CRM_COUNT, (i) => makeCrmProfile(dice, i, shop));
  return { shop, magento: make(MAGENTO_COUNT, (i) => makeMagentoProfile(dice, i)) };
}

function demoProfile(dice: Dice): JsonObject {
  return {
    profileid: '1001',
    source: 'Webshop',
    name: 'Ada Example',
    firstname: 'Ada',
    lastname: 'Example',
    email: 'ada@mail.example',
    country: 'The Netherlands',
    city: 'Enschede',
    company: 'Example Works',
    phone: '+31 53 555 0101',
    newsletter: true,
    created: dice.time(0),
    updated: dice.time(0.9),
  };
}

function makeShopProfile(dice: Dice, i: number): JsonObject {
  const unusual = i % 50 === 0 ? UNUSUAL_IDS[i / 50 - 1] : undefined;
  const id = 1001 + i;
  return {
    profileid: unusual ?? (i % 97 === 0 ? id : `${id}`),
    source: 'Webshop',
    ...makePerson(dice, id),
    phone: `+31 6 555 ${1000 + dice.below(9000)}`,
    newsletter: dice.pick([true, false, 1, '0', '']),
    gender: dice.pick(['female', 'male', 'Male', 'unknown', '']),
    ...(dice.chance(0.05) && { address: [] }),
    ...(i % 83 === 0 && { 'my field': 'free text', '1st': 'yes', __typename: 'Customer', größe: 'M' }),
    ...dice.times((i + 0.5) / SHOP_COUNT),
  };
}

/** Makes a profile of the CRM. The first ones are customers of the shop, with the same id. */
function makeCrmProfile(dice: Dice, i: number, shop: readonly JsonObject[]): JsonObject {
  const customer = i < CRM_SHARED_COUNT ? shop[i * 7] : undefined;
  const surname = dice.pick(WORDS.last);
  return {
    profileid: customer?.profileid ?? `C-${10_000 + i}`,
    source: 'CRM',
    ...makePerson(dice, 20_000 + i),
    ...(customer && { email: customer.email }),
    company: `${surname} ${dice.pick(WORDS.legal)}`,
    title: dice.pick(['Dr.', 'Ms', 'Mr', '']),
    dateofbirth: dice.chance(0.1) ? '0000-00-00' : `19${60 + dice.below(40)}-0${1 + dice.below(9)}-1${dice.below(10)}`,
    ...dice.times((i + 0.5) / CRM_COUNT),
  };
}

/** Makes a profile as the Magento plugin sends it: the id is a salted hash, and some fields are columns of its queue. */
function makeMagentoProfile(dice: Dice, i: number): JsonObject {
  const { created, updated } = dice.times((i + 0.5) / MAGENTO_COUNT);
  return {
    profileid: `${dice.hex(32)}:1`,
    source: 'Magento 2',
    ...makePerson(dice, 40_000 + i),
    entity_id: i + 1,
    store_id: 1,
    status: 'Queued for Update',
    update_msg: '',
    created,
    updated,
    created_at: created,
    updated_at: updated,
  };
}

function makePerson(dice: Dice, number: number) {
  const firstname = dice.pick(dice.chance(0.5) ? WORDS.female : WORDS.male);
  const lastname = dice.pick(WORDS.last);
  return {
    name: `${firstname} ${lastname}`,
    firstname,
    lastname,
    email: `${firstname}.${lastname}.${number}@mail.example`.toLowerCase().replace(/[^a-z0-9.@]/g, ''),
    country: dice.pick(WORDS.country),
    city: dice.chance(0.9) ? dice.pick(WORDS.city) : '',
  };
}
