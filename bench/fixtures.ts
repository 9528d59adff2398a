import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A profile as the API sends it. */
export interface ProfileRecord {
  readonly profileid: string;
  readonly source: string;
  readonly name: string;
  readonly firstname: string;
  readonly lastname: string;
  readonly email: string;
  readonly country: string;
  /** This and the following: `YYYY-MM-DD HH:MM:SS` in UTC. */
  readonly created: string;
  readonly updated: string;
  readonly [other: string]: unknown;
}

/** A conversion as the API sends it. */
export interface ConversionRecord {
  readonly conversionid: string;
  readonly source: string;
  readonly profileid: string;
  readonly email: string;
  readonly total: number;
  readonly created: string;
  readonly updated: string;
  readonly items: readonly {
    readonly itemid: string;
    readonly name: string;
    readonly price: number;
    readonly quantity: number;
    readonly total: number;
  }[];
  readonly [other: string]: unknown;
}

/** Records of the upstream: profiles, and one list of conversions. */
export interface Fixtures {
  readonly profiles: readonly ProfileRecord[];
  readonly conversions: readonly ConversionRecord[];
  /** Profiles that the conversions refer to, in the order of their first reference. */
  readonly linked: readonly ProfileRecord[];
}

/** Size of a set of fixtures, in records. */
export interface FixtureSize {
  readonly profiles: number;
  readonly conversions: number;
  /** Distinct profiles that the conversions refer to. */
  readonly links: number;
}

/** The source of every record. */
export const SOURCE = 'Webshop';
/** Maximum number of conversions in the filtered list of a linked profile. */
export const CONVERSIONS_OF_PROFILE = 5;
export const STANDARD_SIZE: FixtureSize = { profiles: 4_000, conversions: 100, links: 40 };
const ITEMS = 5;
const COUNTRIES = ['NL', 'BE', 'DE', 'FR', 'DK'];

/** Makes records without randomness, so that two runs measure the same bytes. */
export function makeFixtures({ profiles: count, conversions: sales, links }: FixtureSize): Fixtures {
  const profiles = Array.from({ length: count }, (_, i) => makeProfile(i));
  const conversions = Array.from({ length: sales }, (_, i) => makeConversion(i, profiles[i % links] as ProfileRecord));
  return { profiles, conversions, linked: profiles.slice(0, Math.min(links, sales)) };
}

function makeProfile(i: number): ProfileRecord {
  const first = `Given${i % 97}`;
  const last = `Family${i}`;
  return {
    profileid: String(10_000 + i),
    projectid: 1,
    source: SOURCE,
    objecttype: 'profile',
    firstname: first,
    lastname: last,
    name: `${first} ${last}`,
    email: `person${i}@mail.example`,
    country: COUNTRIES[i % COUNTRIES.length] as string,
    city: `City ${i % 50}`,
    address: `Street ${i % 300} number ${i % 90}`,
    zip: String(1_000 + (i % 9_000)),
    phone: `0201${String(i).padStart(6, '0')}`,
    newsletter: i % 2 === 0,
    lang: 'nl',
    created: '2024-01-02 03:04:05',
    updated: '2024-05-06 07:08:09',
  };
}

function makeConversion(i: number, { profileid, email }: ProfileRecord): ConversionRecord {
  const items = Array.from({ length: ITEMS }, (_, j) => {
    const price = (125 + (((i * ITEMS + j) * 37) % 9_000)) / 100;
    const quantity = 1 + ((i + j) % 3);
    return {
      itemid: String(50_000 + ((i * 7 + j) % 800)),
      sku: `SKU-${i}-${j}`,
      name: `Product ${(i * 7 + j) % 800}`,
      quantity,
      price,
      total: Math.round(price * quantity * 100) / 100,
    };
  });
  return {
    conversionid: String(30_000 + i),
    projectid: 1,
    source: SOURCE,
    objecttype: 'conversion',
    profileid,
    email,
    status: 'complete',
    currency: 'EUR',
    total: Math.round(items.reduce((sum, item) => sum + item.total, 0) * 100) / 100,
    items,
    created: `2024-05-01 12:${String(59 - (Math.floor(i / 60) % 60)).padStart(2, '0')}:${String(59 - (i % 60)).padStart(2, '0')}`,
    updated: '2024-05-06 07:08:09',
  };
}

/**
 * Writes the fixtures to files: `profile/<id>`, `sale.json`, `profiles.json` (the linked ones), `sale-of/<id>.json`.
 *
 * @param folder an existing folder
 */
export async function writeFixtures(fixtures: Fixtures, folder: string): Promise<void> {
  await mkdir(join(folder, 'profile'));
  await mkdir(join(folder, 'sale-of'));
  const { profiles, linked } = fixtures;
  await Promise.all(profiles.map((it) => writeFile(join(folder, 'profile', it.profileid), JSON.stringify(it))));
  await Promise.all(
    linked.map((it) =>
      writeFile(join(folder, 'sale-of', `${it.profileid}.json`), JSON.stringify(page(conversionsOf(fixtures, it)))),
    ),
  );
  await writeFile(join(folder, 'sale.json'), listBytes(fixtures));
  await writeFile(
    join(folder, 'profiles.json'),
    JSON.stringify({ total_elements: linked.length, total_pages: 1, items: linked }),
  );
}

/** Returns the list of conversions filtered by this profile. */
export function conversionsOf(
  { conversions }: Fixtures,
  { profileid }: Pick<ProfileRecord, 'profileid'>,
): ConversionRecord[] {
  return conversions.filter((it) => it.profileid === profileid).slice(0, CONVERSIONS_OF_PROFILE);
}

/** Returns the list of conversions as the upstream sends it. */
export function listBytes({ conversions }: Fixtures): string {
  return JSON.stringify(page(conversions));
}

function page(items: readonly unknown[]): object {
  return { total_items: items.length, total_pages: 1, items };
}
