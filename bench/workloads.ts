import {
  CONVERSIONS_OF_PROFILE,
  type ConversionRecord,
  conversionsOf,
  type Fixtures,
  listBytes,
  type ProfileRecord,
  SOURCE,
} from './fixtures.ts';

/** A GraphQL request with the expected data. */
export interface Operation {
  readonly body: string;
  readonly data: unknown;
  /** Expected answer of the bare program: the concatenated bytes of the upstream. */
  readonly bytes: string;
}

/** One kind of operation, in variants with different variables. */
export interface Workload {
  readonly name: string;
  readonly title: string;
  readonly operations: readonly Operation[];
  /** REST calls of one operation if it makes each distinct read once. */
  readonly calls: number;
  /** Latency of the upstream, in ms. */
  readonly latencyMs: number;
}

const PROFILE_FIELDS = 'profileId source name firstName lastName email country createdAt updatedAt';
const CONVERSION_FIELDS =
  'conversionId source profileId email total createdAt updatedAt items { itemId name price quantity total }';
const DISTINCT = 1_000;
const PAGE_OF_PROFILES = 40;

/** Returns Q1 to Q5, and Q1 and Q4 with a slow upstream. */
export function makeWorkloads(fixtures: Fixtures): Workload[] {
  const list = listBytes(fixtures);
  const linkBytes = fixtures.linked.map((it) => JSON.stringify(it));
  const count = fixtures.conversions.length;
  const profiles = fixtures.profiles.slice(0, DISTINCT);
  const linkCalls = 1 + fixtures.linked.length;

  const q1 = profiles.map((it) =>
    operation(
      `query Q1($id: ID!, $source: String) { profile(profileId: $id, source: $source) { ${PROFILE_FIELDS} } }`,
      { id: it.profileid, source: SOURCE },
      { profile: typedProfile(it) },
      JSON.stringify(it),
    ),
  );
  const q2 = operation(
    `query Q2 { conversions(first: ${count}) { nodes { ${CONVERSION_FIELDS} } } }`,
    {},
    { conversions: { nodes: fixtures.conversions.map(typedConversion) } },
    list,
  );
  const linked = { nodes: fixtures.conversions.map((it) => ({ ...summary(it), profile: person(fixtures, it) })) };
  const selection = `conversions(first: ${count}) { nodes { conversionId total profile(source: "${SOURCE}") { profileId name email country } } }`;
  const q3 = operation(`query Q3 { ${selection} }`, {}, { conversions: linked }, list + linkBytes.join(''));
  const q4 = profiles.map((it) =>
    operation(
      `query Q4($id: ID!) { ${selection} one: profile(profileId: $id, source: "${SOURCE}") { name } }`,
      { id: it.profileid },
      { conversions: linked, one: { name: it.name } },
      list + linkBytes.join('') + JSON.stringify(it),
    ),
  );
  return [
    {
      name: 'Q1',
      title: `one profile by id with all typed fields, ${q1.length} distinct ids`,
      operations: q1,
      calls: 1,
      latencyMs: 0,
    },
    {
      name: 'Q2',
      title: `${count} conversions with all typed fields and their items`,
      operations: [q2],
      calls: 1,
      latencyMs: 0,
    },
    {
      name: 'Q3',
      title: `${count} conversions and the profile of each, ${fixtures.linked.length} distinct`,
      operations: [q3],
      calls: linkCalls,
      latencyMs: 0,
    },
    {
      name: 'Q4',
      title: `Q3 and one more profile by a variable, ${q4.length} distinct`,
      operations: q4,
      calls: linkCalls + 1,
      latencyMs: 0,
    },
    {
      name: 'Q5',
      title: `${PAGE_OF_PROFILES} profiles by ids that no operation near it has`,
      operations: pagesOfProfiles(fixtures.profiles),
      calls: PAGE_OF_PROFILES,
      latencyMs: 0,
    },
    { name: 'Q1-20ms', title: 'Q1, each answer of the API 20 ms away', operations: q1, calls: 1, latencyMs: 20 },
    {
      name: 'Q4-20ms',
      title: 'Q4, each answer of the API 20 ms away',
      operations: q4,
      calls: linkCalls + 1,
      latencyMs: 20,
    },
  ];
}

/** Returns an operation with 1 to 3 levels: conversions, their profiles, and the conversions of those. */
export function nested(fixtures: Fixtures, levels: 1 | 2 | 3): Operation {
  const count = fixtures.conversions.length;
  const inner = levels === 3 ? ` conversions(first: ${CONVERSIONS_OF_PROFILE}) { nodes { conversionId total } }` : '';
  const profile = levels === 1 ? '' : ` profile(source: "${SOURCE}") { profileId name email country${inner} }`;
  const nodes = fixtures.conversions.map((it) => {
    if (levels === 1) return summary(it);
    const found = fixtures.linked.find(({ profileid }) => profileid === it.profileid) as ProfileRecord;
    const bought = { conversions: { nodes: conversionsOf(fixtures, found).map(summary) } };
    return { ...summary(it), profile: { ...person(fixtures, it), ...(levels === 3 ? bought : undefined) } };
  });
  return operation(
    `query N${levels} { conversions(first: ${count}) { nodes { conversionId total${profile} } } }`,
    {},
    { conversions: { nodes } },
    '',
  );
}

function pagesOfProfiles(profiles: readonly ProfileRecord[]): Operation[] {
  const places = Array.from({ length: PAGE_OF_PROFILES }, (_, i) => i);
  const query = `query Q5(${places.map((i) => `$i${i}: ID!`).join(', ')}) { ${places
    .map((i) => `p${i}: profile(profileId: $i${i}, source: "${SOURCE}") { profileId name email }`)
    .join(' ')} }`;
  return Array.from({ length: Math.floor(profiles.length / PAGE_OF_PROFILES) }, (_, page) => {
    const rows = profiles.slice(page * PAGE_OF_PROFILES, (page + 1) * PAGE_OF_PROFILES);
    return operation(
      query,
      Object.fromEntries(rows.map((it, i) => [`i${i}`, it.profileid])),
      Object.fromEntries(rows.map((it, i) => [`p${i}`, { profileId: it.profileid, name: it.name, email: it.email }])),
      rows.map((it) => JSON.stringify(it)).join(''),
    );
  });
}

function operation(query: string, variables: object, data: unknown, bytes: string): Operation {
  return { body: JSON.stringify({ query, variables }), data, bytes };
}

function summary({ conversionid, total }: ConversionRecord): object {
  return { conversionId: conversionid, total };
}

/** All typed fields of a profile except the global id, which peers do not have. */
function typedProfile(it: ProfileRecord): object {
  return {
    profileId: it.profileid,
    source: it.source,
    name: it.name,
    firstName: it.firstname,
    lastName: it.lastname,
    email: it.email,
    country: it.country,
    createdAt: isoTime(it.created),
    updatedAt: isoTime(it.updated),
  };
}

/** All typed fields of a conversion and of its items, except the global id. */
function typedConversion(it: ConversionRecord): object {
  return {
    conversionId: it.conversionid,
    source: it.source,
    profileId: it.profileid,
    email: it.email,
    total: it.total,
    createdAt: isoTime(it.created),
    updatedAt: isoTime(it.updated),
    items: it.items.map(({ itemid, name, price, quantity, total }) => ({
      itemId: itemid,
      name,
      price,
      quantity,
      total,
    })),
  };
}

/** The API's time (`2024-05-01 12:00:00`, in UTC) as the schema's `DateTime`. */
function isoTime(time: string): string {
  return `${time.replace(' ', 'T')}.000Z`;
}

function person({ linked }: Fixtures, { profileid }: ConversionRecord): object {
  const { name, email, country } = linked.find((it) => it.profileid === profileid) as ProfileRecord;
  return { profileId: profileid, name, email, country };
}
