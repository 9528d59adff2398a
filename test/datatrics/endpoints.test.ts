import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { ENDPOINTS, type Endpoint, RESOURCES } from '../../src/datatrics/endpoints.ts';
import { startSandbox } from '../../src/sandbox/server.ts';
import { COLLECTION } from '../fixtures/collection.ts';
import { startWithUpstream } from '../helpers/gateway.ts';

let answer: unknown;
const gateway = await startWithUpstream(() => answer);
const sandbox = await startSandbox({ empty: true });
afterAll(() => Promise.all([gateway.close(), sandbox.close()]));

const rows = COLLECTION.map((entry) => [entry.name, entry] as const);
const keyOf = ({ method, path }: { method: string; path: string }): string =>
  `${method} ${path.replace('/project/{project}', '')}`;

describe('every endpoint of the collection', () => {
  beforeEach(() => {
    gateway.upstream.calls.length = 0;
  });

  test.each(rows)('%s: operation, REST request, answer', async (_name, entry) => {
    answer = entry.answer;
    const { body } = await gateway.query(entry.operation);
    expect(gateway.upstream.calls).toHaveLength(1);
    // The same again, compiled.
    for (const _run of [2, 3]) expect((await gateway.query(entry.operation)).body).toEqual(body);
    const [call, ...again] = gateway.upstream.calls;
    expect(again.map(({ method, path, body }) => [method, path, body])).toEqual(
      [1, 2].map(() => [call?.method, call?.path, call?.body]),
    );
    const path = `/2.0/project/1${entry.path.replace('{id}', entry.sent.id ?? '')}`;
    const [sentPath, sentQuery] = (call?.path ?? '').split('?');
    expect([call?.method, sentPath]).toEqual([entry.method, path]);
    expect([...new URLSearchParams(sentQuery)].sort()).toEqual([...new URLSearchParams(entry.sent.query)].sort());
    expect(call?.headers).toEqual({
      host: new URL(gateway.upstream.origin).host,
      connection: 'keep-alive',
      accept: 'application/json',
      'accept-encoding': 'zstd, br, gzip',
      'content-type': 'application/json',
      'x-apikey': 'k',
      'x-request-id': expect.stringMatching(/^[\w.:-]{1,64}$/),
      ...(call?.body && { 'content-length': String(Buffer.byteLength(call.body)) }),
    });
    expect(call?.body === '' ? undefined : JSON.parse(call?.body ?? '')).toEqual(entry.sent.body);
    expect(body).toEqual({ data: entry.data });
  });
});

describe('the endpoint table', () => {
  const table = new Map(ENDPOINTS.map((endpoint) => [keyOf(endpoint), endpoint]));

  test('has the collection’s 19 endpoints and no others', () => {
    expect(table.size).toBe(19);
    expect([...table.keys()].sort()).toEqual(COLLECTION.map(keyOf).sort());
  });

  test.each(rows)('agrees on %s', (_name, entry) => {
    const endpoint = table.get(keyOf(entry)) as Endpoint;
    const { defaults, totals, body, bulk } = RESOURCES[endpoint.resource];
    expect([...endpoint.query].sort()).toEqual([...entry.required, ...entry.optional].sort());
    if (entry.defaults) expect(defaults).toEqual(entry.defaults);
    if (entry.total) expect(totals).toMatchObject({ [endpoint.action]: entry.total });
    if (!entry.body) return;
    expect(body).toMatchObject({ idKey: entry.body.idKey, wrapper: entry.body.wrapper });
    if (entry.body.list) expect(bulk).toEqual({ itemsKey: entry.body.list, sourceOnTop: entry.body.source ?? false });
  });
});

describe('the sandbox', () => {
  // Writes come first, so that there is something to read; the delete last, so that it was there.
  const order = { POST: 0, PUT: 1, GET: 2, DELETE: 3 };
  const inOrder = [...rows].sort(([, a], [, b]) => order[a.method] - order[b.method]);

  test.each(inOrder)('takes the request of %s and answers in the same form', async (_name, entry) => {
    const { method, path, sent, answer, total } = entry;
    const query = sent.query ? `?${sent.query}` : '';
    const url = `${sandbox.url}/project/${sandbox.project}${path.replace('{id}', sent.id ?? '')}${query}`;
    const response = await fetch(url, {
      method,
      headers: { 'x-apikey': sandbox.apiKey, 'content-type': 'application/json' },
      ...(sent.body !== undefined && { body: JSON.stringify(sent.body) }),
    });
    expect(response.status).toBe(200);
    const json = (await response.json()) as Record<string, unknown>;
    const names = Object.keys(answer as object).filter((name) => name !== 'items');
    expect(Object.keys(json)).toEqual(expect.arrayContaining(names));
    if (total) expect(json).toMatchObject({ [total]: expect.any(Number), page: 1, items: expect.any(Array) });
  });
});
