import type { startUpstream } from './gateway.ts';

const PERSON = { name: 'Ada Lovelace', firstname: 'Ada', lastname: 'Lovelace', email: 'Ada@Mail.example' };
const FIRST = { created: '2024-05-01 12:00:00' };

/** One record of each resource, as the API would give it in a project. */
const RECORDS: Readonly<Record<string, (id: string, project: string) => object>> = {
  profile: (profileid, project) => ({
    profileid,
    source: 'Webshop',
    ...PERSON,
    ...FIRST,
    project,
    phone: '+31 20 123',
    nested: { e_mail: 'x', First_Name: 'Ada', list: [{ contact: 'other@mail.example' }] },
  }),
  sale: (conversionid, project) => ({
    conversionid,
    source: 'Webshop',
    profileid: '1001',
    email: 'ada@mail.example ',
    total: 9,
    ...FIRST,
    project,
    firstname: 'Ada',
    items: [{ itemid: '2001', name: 'Kettle', price: 9, quantity: 1, total: 9, phone: '+31 20 123' }],
  }),
  content: (itemid, project) => ({ itemid, source: 'Webshop', name: 'Kettle', ...FIRST, project }),
  interaction: (interactionid, project) => ({
    interactionid,
    source: 'Webshop',
    event: 'open',
    profileid: '1001',
    ...FIRST,
    project,
    email: 'ada@mail.example',
  }),
};

/** An API with one record of each resource, whatever its id; what is written comes back. */
export const smallApi: Parameters<typeof startUpstream>[0] = ({ method, path, body }) => {
  const [, project = '', resource = '', rest = ''] = /^\/2\.0\/project\/([^/]+)\/(\w+)\/?([^?]*)/.exec(path) ?? [];
  const make = RECORDS[resource] as (typeof RECORDS)[string];
  if (method === 'DELETE') return { status: 200 };
  if (rest === 'bulk') {
    const { profiles, items, interactions } = JSON.parse(body);
    const given: Record<string, string>[] = profiles ?? items ?? interactions;
    const rows = given.map((item) =>
      make(String(item.profileid ?? item.itemid ?? item.conversionid ?? item.interactionid), project),
    );
    return { items: rows, total_items: rows.length };
  }
  if (method === 'POST') {
    const { profileid, itemid, conversionid, interactionid } = JSON.parse(body);
    return make(String(profileid ?? itemid ?? conversionid ?? interactionid), project);
  }
  if (rest !== '') return make(decodeURIComponent(rest), project);
  // Filters find nothing where no record can be meant.
  if (/filter-probe/.test(path)) return { items: [], total_items: 0, total_pages: 0 };
  const query = new URLSearchParams(path.slice(path.indexOf('?') + 1));
  const asked = ['profileid', 'email'].flatMap((name) => {
    const value = query.get(`q[${name}]`);
    return value === null ? [] : [[name, value]];
  });
  return { items: [{ ...make('1', project), ...Object.fromEntries(asked) }], total_items: 1, total_pages: 1 };
};
