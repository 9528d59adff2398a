import { readFileSync } from 'node:fs';
import { buildSchema as buildGraphqlSchema, getNamedType, isLeafType, isObjectType } from 'graphql';
import { expect, test } from 'vitest';
import { startWithUpstream } from '../helpers/gateway.ts';

/**
 * A repeated operation reads no more of the API's answers than it selects, once it has read eight million characters of them.
 * What it gives must not change by that, whatever the API sends.
 */
const HOT = 2 ** 23;
const LINES = [
  { itemid: 'a', name: 'One', price: '24,99', quantity: 2, total: 49.98, size: 'L' },
  { metadata: { itemid: 7, name: 'Two', price: 1e2 } },
  'no line',
  { itemid: '', name: null, quantity: '3' },
];
const ODD = [
  { source: 'Webshop', metadata: {} },
  { source: 'Webshop', email: 'a@b.example', name: 'Ä 😀 "x"', total: '1.234,56', created: '2024-01-02 03:04:05' },
  { metadata: { source: 'CRM', name: 'Deep', email: '', event: 'open', datetime: '2024-01-02 03:04:05', image: 'i' } },
  { source: 'Webshop', email: '', metadata: { email: 'deep@b.example', total: 5, created: '2023-01-01 00:00:00' } },
  { source: 'Webshop', metadata: [], created: '0000-00-00', created_at: '2022-01-01 00:00:00', name: 17 },
  { source: 'Webshop', name: '', firstname: 'F', objecttype: 'x', itemtype: 'y', description: 'd', url: 'u' },
  { source: 'Webshop', error: { message: 'a field of that name' }, status: 'complete', items: LINES },
  { source: 'Webshop', items: { 0: LINES[0], 5: LINES[1] } },
  { source: 'Webshop', items: [], metadata: { items: { 1: LINES[3] } } },
  { source: 'Webshop', items: '', metadata: { items: LINES } },
  { source: 'Webshop', profileid: '', profile_id: 4, emailid: 9, short_description: 's' },
];
const IDS = { profile: 'profileid', content: 'id', sale: 'conversionid', interaction: 'interactionid' } as const;

const records = (resource: keyof typeof IDS) => [
  ...ODD.map((row, i) => ({ [IDS[resource]]: String(i), profileid: String(i % 3), ...row })),
  ...(resource === 'content' ? [{ itemid: 'c', source: 'Webshop' }] : [{ name: 'no key' }, 'no record', [{ a: 1 }]]),
  // Nobody should be fooled by a name that comes twice.
  JSON.parse(`{"${IDS[resource]}":"12","source":"Webshop","name":"Last"}`),
];

/** Spaces behind the answers of lists, and of the first record. */
let padding = 0;
const gateway = await startWithUpstream(
  ({ path }, res) => {
    const [, resource, id] = /\/project\/[^/]+\/(\w+)(?:\/([^/?]+))?/.exec(path) ?? [];
    const rows = records(resource as keyof typeof IDS);
    const list = { items: rows, total_elements: rows.length, total_pages: 1 };
    const text = JSON.stringify(id === undefined ? list : (rows[Number(id)] ?? {}));
    const spaces = id === undefined || id === '0' ? padding : 0;
    return void res.writeHead(200, { 'content-type': 'application/json' }).end(text.padEnd(text.length + spaces));
  },
  { DATATRICS_FILTERS: 'on' },
);

const schema = buildGraphqlSchema(readFileSync('schema/gateway.graphql', 'utf8'));
const TYPES = { Profile: 'profile', Content: 'content', Conversion: 'conversion', Interaction: 'interaction' };

function leavesOf(typeName: string): string[] {
  const type = schema.getType(typeName);
  if (!isObjectType(type)) throw new Error(typeName);
  return Object.values(type.getFields()).flatMap((field) => (isLeafType(getNamedType(field.type)) ? [field.name] : []));
}

const selections = Object.entries(TYPES).flatMap(([type, name]) => {
  const leaves = leavesOf(type);
  const some = leaves.filter((leaf) => leaf !== 'attributes');
  const sets = [leaves, some, some.filter((_, i) => i % 2 === 0), some.filter((_, i) => i % 2 === 1)].map((set) =>
    set.join(' '),
  );
  if (type === 'Conversion') {
    const lines = leavesOf('ConversionItem');
    sets.push('items { itemId price }', 'items { name quantity total }', `items { ${lines.join(' ')} } attributes`);
    sets.push(
      'profile(source: "Webshop") { name }',
      'items { content(source: "Webshop") { name } }',
      'items { __typename }',
    );
  }
  if (type === 'Interaction') sets.push('profile(source: "Webshop") { email attributes }');
  return sets.map((set): [string, string, string] => [type, name, set]);
});

test.each(selections)(
  'an operation gives the same whether all of an answer is read, or only what it selects: %s, %s: %s',
  async (_type, name, set) => {
    const byId = ODD.map((_row, i) => `r${i}: ${name}(${name}Id: "${i}", source: "Webshop") { ${set} }`).join(' ');
    for (const query of [
      `{ ${name}s(first: 50) { nodes { ${set} } edges { node { ${set} } } totalCount } }`,
      `{ ${byId} }`,
    ]) {
      const answers = [];
      for (const spaces of [0, HOT, 0]) {
        padding = spaces;
        answers.push((await gateway.query(query)).body);
      }
      expect(answers[0]?.data).toBeDefined();
      for (const answer of answers.slice(1)) expect(answer).toEqual(answers[0]);
    }
  },
);
