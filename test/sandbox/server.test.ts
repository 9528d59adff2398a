import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { startSandbox } from '../../src/sandbox/server.ts';
import { createClient, expectRefusal, profile } from './client.ts';

const sandbox = await startSandbox({ empty: true, apiKey: 'k&y', maxRequestLog: 3 });
afterAll(() => sandbox.close());
const api = createClient(sandbox);
const project = `${sandbox.url}/project/${sandbox.project}`;
beforeEach(() => {
  sandbox.store.clear();
  sandbox.store.put('profile', profile('1'));
  sandbox.requests.length = 0;
});

describe('access', () => {
  it('needs the key, in a header of any case or in the query', async () => {
    const url = `${project}/profile`;
    expect((await api.request('GET', url, undefined, { 'X-ApiKey': 'k&y' })).status).toBe(200);
    expect((await api.request('GET', `${url}?apikey=k%26y`)).status).toBe(200);
    expectRefusal(await api.request('GET', url), 403, /key/);
    expectRefusal(await api.request('GET', url, undefined, { 'x-apikey': 'other' }), 403, /key/);
    expectRefusal(await api.request('GET', `${url}?apikey=k%26y`, undefined, { 'x-apikey': 'other' }), 403, /key/);
    expectRefusal(await api.request('GET', `${url}?apikey=other`), 403, /key/);
  });

  it('is to one project only', async () => {
    const headers = { 'x-apikey': 'k&y' };
    expectRefusal(
      await api.request('GET', `${sandbox.url}/project/654321/profile`, undefined, headers),
      404,
      /project/,
    );
  });

  it('reveals no projects without the key', async () => {
    expect((await api.request('GET', `${sandbox.url}/project/654321/profile`)).status).toBe(403);
  });
});

describe('routing', () => {
  it.each(['', '/', '/profiles', '/profile/', '/profile/1/2', '/constructor'])('knows no %s', async (path) => {
    expectRefusal(await api.get(path), 404, /endpoint/);
  });

  it('knows nothing outside the base path', async () => {
    for (const path of ['/', '/2.0', '/1.0/project/123456/profile', '/project/123456/profile']) {
      expectRefusal(await api.request('GET', new URL(path, sandbox.url).href), 404, /endpoint/);
    }
  });

  it.each([
    ['PATCH', '/profile/1', 'GET, PUT'],
    ['DELETE', '/profile', 'GET, POST'],
    ['PUT', '/sale/1', 'GET'],
    ['DELETE', '/interaction/1', 'GET'],
    ['POST', '/content/1', 'GET, PUT, DELETE'],
  ])('has no %s %s, and says what it has', async (method, path, allow) => {
    const reply = await api.request(method, project + path, undefined, { 'x-apikey': 'k&y' });
    expectRefusal(reply, 405, new RegExp(method));
    expect(reply.headers.get('allow')).toBe(allow);
  });

  it.each(['/profile/%', '/profile/%zz?source=shop', '/profile/%ff?source=shop', '/profile?sort=%e0%a4%a'])(
    'refuses the encoding of %s',
    async (path) => {
      expectRefusal(await api.get(path), 400, /encoded/);
    },
  );
});

describe('the log', () => {
  it('keeps the newest requests as they came', async () => {
    await api.get('/profile?page=1');
    await api.get('/profile?q[a%62c]=1&limit=2');
    await api.post('/profile', { profileid: '2' });
    await api.get('/nothing');
    expect(sandbox.requests).toMatchObject([
      { method: 'GET', path: '/2.0/project/123456/profile?q[a%62c]=1&limit=2', status: 200 },
      { method: 'POST', path: '/2.0/project/123456/profile', status: 400, body: '{"profileid":"2"}' },
      { method: 'GET', path: '/2.0/project/123456/nothing', status: 404 },
    ]);
    expect(sandbox.requests[0]).not.toHaveProperty('body');
    expect(sandbox.requests[0]?.headers['x-apikey']).toBe('k&y');
  });
});

describe('controls', () => {
  it('show, replace and take back faults', async () => {
    expect((await api.control('GET', '/faults')).json).toEqual([]);
    await api.control('PUT', '/faults', { noTotals: true });
    const rule = { match: { path: 'x' }, times: 1, status: 500 };
    expect((await api.control('PUT', '/faults', [rule])).json).toEqual([rule]);
    expect(sandbox.faults.rules).toEqual([rule]);
    expect((await api.control('DELETE', '/faults')).json).toEqual([]);
    expectRefusal(await api.control('POST', '/faults'), 405, /GET/);
  });

  it('refuse an invalid fault, by name', async () => {
    expectRefusal(await api.control('PUT', '/faults', { nope: 1 }), 400, /nope/);
    expectRefusal(await api.control('PUT', '/faults', '{'), 400, /JSON/);
    expect(sandbox.faults.rules).toEqual([]);
  });

  it('seed again', async () => {
    const seeded = await startSandbox();
    seeded.store.clear();
    seeded.reset();
    expect((await createClient(seeded).get('/profile/1001?source=Webshop')).status).toBe(200);
    await seeded.close();
  });

  it('are these only', async () => {
    expectRefusal(await api.control('GET', '/key'), 404, /endpoint/);
  });
});

it('says where it is, and ends when told', async () => {
  const other = await startSandbox({ empty: true, project: '77', host: 'localhost' });
  expect(other.url).toMatch(/^http:\/\/(127\.0\.0\.1|\[::1\]):\d+\/2\.0$/);
  expect(other).toMatchObject({ project: '77', apiKey: 'sandbox-key' });
  await createClient(other).get('/profile');
  await other.close();
  await expect(fetch(other.url)).rejects.toThrow();
});
