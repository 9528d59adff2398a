import { beforeEach, describe, expect, it } from 'vitest';
import { encodeGlobalId } from '../../src/datatrics/keys.ts';
import { startWithUpstream } from '../helpers/gateway.ts';

let answer: unknown;

const gateway = await startWithUpstream(() => answer);
beforeEach(() => {
  gateway.upstream.calls.length = 0;
});

// One record of each kind as the API sends it, and as the gateway gives it.

const profile = {
  profileid: 'p-31',
  source: 'webshop',
  name: 'Mila Jansen',
  firstname: 'Mila',
  lastname: 'Jansen',
  email: 'mila@example.org',
  country: 'Belgium',
  created: '2024-02-29 08:15:00',
  updated: '2024-03-01 23:59:59',
  loyalty: 'gold',
};
const PROFILE = 'id profileId source name firstName lastName email country createdAt updatedAt attributes';
const readProfile = {
  id: encodeGlobalId('1', { resource: 'profile', id: 'p-31', source: 'webshop' }),
  profileId: 'p-31',
  source: 'webshop',
  name: 'Mila Jansen',
  firstName: 'Mila',
  lastName: 'Jansen',
  email: 'mila@example.org',
  country: 'Belgium',
  createdAt: '2024-02-29T08:15:00.000Z',
  updatedAt: '2024-03-01T23:59:59.000Z',
  attributes: { loyalty: 'gold' },
};

const content = {
  id: '88',
  name: 'Desk lamp',
  description: '<p>A lamp for a desk</p>',
  short_description: 'A lamp',
  url: 'https://shop.example/lamps/88',
  price: '24,99',
  metadata: {
    source: 'webshop-nl',
    created: '2023-11-05 10:00:00',
    updated: '2023-11-06 11:30:15',
    image: 'https://shop.example/lamps/88.jpg',
    itemtype: 'product',
    objecttype: 'item',
    stock: 4,
  },
};
const CONTENT =
  'id contentId source type name description shortDescription url imageUrl itemType objectType createdAt updatedAt attributes';
const readContent = (type: 'ITEM' | 'CATEGORY') => ({
  id: encodeGlobalId('1', { resource: 'content', id: '88', source: 'webshop-nl', type }),
  contentId: '88',
  source: 'webshop-nl',
  type,
  name: 'Desk lamp',
  description: '<p>A lamp for a desk</p>',
  shortDescription: 'A lamp',
  url: 'https://shop.example/lamps/88',
  imageUrl: 'https://shop.example/lamps/88.jpg',
  itemType: 'product',
  objectType: 'item',
  createdAt: '2023-11-05T10:00:00.000Z',
  updatedAt: '2023-11-06T11:30:15.000Z',
  attributes: { price: '24,99', stock: 4 },
});

const conversion = {
  conversionid: 'order-5',
  source: 'webshop',
  created: '2024-04-30 19:45:10',
  updated: '2024-05-01 07:00:00',
  profileid: 'p-31',
  email: 'mila@example.org',
  total: 74.97,
  currency: 'EUR',
  items: [
    { itemid: '88', name: 'Desk lamp', price: 24.99, quantity: 2, total: 49.98, colour: 'green' },
    { itemid: '89', name: 'Bulb', price: 24.99, quantity: 1, total: 24.99 },
  ],
};
const CONVERSION = `id conversionId source profileId email total createdAt updatedAt attributes
  items { itemId name price quantity total attributes }`;
const readConversion = {
  id: encodeGlobalId('1', { resource: 'conversion', id: 'order-5', source: 'webshop' }),
  conversionId: 'order-5',
  source: 'webshop',
  profileId: 'p-31',
  email: 'mila@example.org',
  total: 74.97,
  createdAt: '2024-04-30T19:45:10.000Z',
  updatedAt: '2024-05-01T07:00:00.000Z',
  attributes: { currency: 'EUR' },
  items: [
    { itemId: '88', name: 'Desk lamp', price: 24.99, quantity: 2, total: 49.98, attributes: { colour: 'green' } },
    { itemId: '89', name: 'Bulb', price: 24.99, quantity: 1, total: 24.99, attributes: {} },
  ],
};

const interaction = {
  interactionid: 'i/7',
  source: 'newsletter',
  objecttype: 'interaction',
  metadata: { datetime: '2024-05-02 06:07:08', profileid: 'p-31', event: 'click', emailid: '4711', device: 'phone' },
};
const INTERACTION = 'id interactionId source objectType event occurredAt profileId emailId attributes';
const readInteraction = {
  id: encodeGlobalId('1', { resource: 'interaction', id: 'i/7', source: 'newsletter' }),
  interactionId: 'i/7',
  source: 'newsletter',
  objectType: 'interaction',
  event: 'click',
  occurredAt: '2024-05-02T06:07:08.000Z',
  profileId: 'p-31',
  emailId: '4711',
  attributes: { device: 'phone' },
};

/** One endpoint: what is asked, what goes to the API, and what comes back. */
interface Case {
  name: string;
  query: string;
  path: string;
  answer: unknown;
  data: object;
}

const GETS: Case[] = [
  {
    name: 'a profile',
    query: `{ profile(profileId: "p-31", source: "webshop") { ${PROFILE} } }`,
    path: '/profile/p-31?source=webshop',
    answer: profile,
    data: { profile: readProfile },
  },
  {
    name: 'an item',
    query: `{ content(contentId: 88, source: "webshop-nl") { ${CONTENT} } }`,
    path: '/content/88?source=webshop-nl&type=item',
    answer: content,
    data: { content: readContent('ITEM') },
  },
  {
    name: 'a category',
    query: `{ content(contentId: "88", source: "webshop-nl", type: CATEGORY) { ${CONTENT} } }`,
    path: '/content/88?source=webshop-nl&type=category',
    answer: content,
    data: { content: readContent('CATEGORY') },
  },
  {
    name: 'a conversion',
    query: `{ conversion(conversionId: "order-5", source: "webshop") { ${CONVERSION} } }`,
    path: '/sale/order-5?source=webshop',
    answer: conversion,
    data: { conversion: readConversion },
  },
  {
    name: 'an interaction',
    query: `{ interaction(interactionId: "i/7", source: "newsletter") { ${INTERACTION} } }`,
    path: '/interaction/i%2F7?source=newsletter',
    answer: interaction,
    data: { interaction: readInteraction },
  },
];

const LISTS: (Omit<Case, 'data' | 'answer'> & { field: string; row: unknown; node: object })[] = [
  {
    name: 'profiles',
    field: 'profiles',
    query: `{ profiles(first: 3, source: "webshop", orderBy: { field: UPDATED_AT, direction: DESC }) {
      totalCount nodes { ${PROFILE} } edges { node { ${PROFILE} } } } }`,
    path: '/profile?limit=3&page=1&sort=updated&order=-1&source=webshop',
    row: profile,
    node: readProfile,
  },
  {
    name: 'items',
    field: 'contents',
    query: `{ contents(first: 3, orderBy: { field: CREATED_AT, direction: ASC }) {
      totalCount nodes { ${CONTENT} } edges { node { ${CONTENT} } } } }`,
    path: '/content?limit=3&page=1&sort=created&order=1&type=item',
    row: content,
    node: readContent('ITEM'),
  },
  {
    name: 'categories',
    field: 'contents',
    query: `{ contents(type: CATEGORY) { totalCount nodes { ${CONTENT} } edges { node { ${CONTENT} } } } }`,
    path: '/content?limit=20&page=1&type=category',
    row: content,
    node: readContent('CATEGORY'),
  },
  {
    name: 'conversions',
    field: 'conversions',
    query: `{ conversions(first: 500, orderBy: { field: TOTAL, direction: DESC }) {
      totalCount nodes { ${CONVERSION} } edges { node { ${CONVERSION} } } } }`,
    path: '/sale?limit=500&page=1&sort=total&order=-1',
    row: conversion,
    node: readConversion,
  },
  {
    name: 'interactions',
    field: 'interactions',
    query: `{ interactions(first: 3) { totalCount nodes { ${INTERACTION} } edges { node { ${INTERACTION} } } } }`,
    path: '/interaction?limit=3&page=1',
    row: interaction,
    node: readInteraction,
  },
];

/** Runs an operation by graphql-js and then compiled, and checks question and answer of each run. */
async function expectRead({ query, path, data }: Case): Promise<void> {
  for (const _run of ['interpreted', 'compiled', 'compiled']) {
    gateway.upstream.calls.length = 0;
    const { body } = await gateway.query(query);
    expect(body).toEqual({ data });
    expect(gateway.upstream.calls).toEqual([
      { method: 'GET', path: `/2.0/project/1${path}`, headers: expect.anything(), body: '' },
    ]);
    expect(gateway.upstream.calls[0]?.headers).toEqual({
      host: new URL(gateway.upstream.origin).host,
      connection: 'keep-alive',
      accept: 'application/json',
      'accept-encoding': 'zstd, br, gzip',
      'content-type': 'application/json',
      'x-apikey': 'k',
      'x-request-id': expect.stringMatching(/^[\w.:-]{1,64}$/),
    });
  }
}

describe('a read by id is one GET', () => {
  it.each(GETS)('of $name', async (read) => {
    answer = read.answer;
    await expectRead(read);
  });

  it.each(GETS)('of $name, which is null where the API has none', async ({ query, data }) => {
    answer = { status: 404, message: 'not found' };
    const { body } = await gateway.query(query);
    expect(body).toEqual({ data: Object.fromEntries(Object.keys(data).map((name) => [name, null])) });
  });
});

describe('a list is one GET', () => {
  describe.each([
    ['total_elements', 'total_pages'],
    ['totalElements', 'totalPages'],
    ['total_items', 'total_pages'],
  ])('with %s', (totalName, pagesName) => {
    it.each(LISTS)('of $name', async ({ field, row, node, ...read }) => {
      answer = { [totalName]: 1, [pagesName]: 1, page: 1, size: 1, items: [row] };
      await expectRead({ ...read, answer, data: { [field]: { totalCount: 1, nodes: [node], edges: [{ node }] } } });
    });
  });

  it('with the total as text', async () => {
    answer = { total_items: '1', total_pages: '1', items: [conversion] };
    const { body } = await gateway.query('{ conversions { totalCount nodes { conversionId } } }');
    expect(body).toEqual({ data: { conversions: { totalCount: 1, nodes: [{ conversionId: 'order-5' }] } } });
  });

  it.each(LISTS)('of $name, or two, without a total', async ({ field, row, node, query, path }) => {
    const gone = { items: [] };
    const own = await startWithUpstream(({ path }) => (path.includes('page=1') ? { items: [row] } : gone));
    const { body } = await own.query(query);
    expect(body).toEqual({ data: { [field]: { totalCount: null, nodes: [node], edges: [{ node }] } } });
    const paths = own.upstream.calls.map(({ path }) => path);
    expect(paths[0]).toBe(`/2.0/project/1${path}`);
    expect(paths.length).toBeLessThanOrEqual(2);
  });

  it('that takes the source which a row leaves out from the request', async () => {
    answer = { total_elements: 1, items: [{ ...profile, source: undefined }] };
    const { body } = await gateway.query(`{ profiles(source: "webshop") { nodes { ${PROFILE} } } }`);
    expect(body).toEqual({ data: { profiles: { nodes: [readProfile] } } });
  });
});
