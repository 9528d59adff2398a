import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { createFolder } from '../helpers/files.ts';
import { startWithSandbox } from '../helpers/gateway.ts';

const { write } = createFolder();
const config = write('gateway.json', { freshness: { Profile: { freshFor: 30 } } });
const CORS = { CORS_ORIGINS: 'https://app.example' };
const plain = await startWithSandbox(CORS);
const fresh = await startWithSandbox({ ...CORS, GATEWAY_CONFIG: config });

const PROFILE = '{ profile(profileId: "1001", source: "Webshop") { name } }';
const get = (gateway: { url: string }, query: string, headers: Record<string, string> = {}) =>
  fetch(`${gateway.url}/graphql?query=${encodeURIComponent(query)}`, {
    headers: { accept: 'application/json', ...headers },
  });

describe('an answer to a GET', () => {
  test('may be kept for as long as all of it is fresh, for its caller only', async () => {
    const first = await get(fresh, PROFILE);
    expect(first.headers.get('cache-control')).toMatch(/^private, max-age=(29|30)$/);
    expect(first.headers.get('age')).toBe('0');
    expect(first.headers.get('vary')).toContain('x-apikey');
    await sleep(1_100);
    const later = await get(fresh, PROFILE);
    expect(Number(later.headers.get('age'))).toBeGreaterThanOrEqual(1);
    // What is left of it is max-age less age.
    expect(later.headers.get('cache-control')).toMatch(/^private, max-age=(29|30)$/);
    expect(later.headers.get('etag')).toBe(first.headers.get('etag'));
  });

  test('has to be asked for again when a part of it is never fresh', async () => {
    const { headers } = await get(
      fresh,
      `{ a: profile(profileId: "1001") { name } conversions(first: 1) { totalCount } }`,
    );
    expect(headers.get('cache-control')).toBe('private, no-cache');
    expect((await get(plain, PROFILE)).headers.get('cache-control')).toBe('private, no-cache');
  });

  test('is 304 for a client with the same ETag, and 200 for another', async () => {
    for (const gateway of [plain, fresh]) {
      const etag = (await get(gateway, PROFILE)).headers.get('etag') as string;
      for (const tags of [etag, etag.slice(2), `"x", ${etag}`, '*']) {
        const answer = await get(gateway, PROFILE, { 'if-none-match': tags });
        expect([answer.status, await answer.text(), answer.headers.get('etag')]).toEqual([304, '', etag]);
        expect(answer.headers.get('content-length')).toBeNull();
      }
      const answer = await get(gateway, PROFILE, { 'if-none-match': '"x"' });
      expect([answer.status, (await answer.json()).data.profile.name]).toEqual([200, expect.any(String)]);
    }
  });

  test('is another once the record has changed', async () => {
    const etag = (await get(fresh, PROFILE)).headers.get('etag') as string;
    await fresh.query(
      'mutation { updateProfile(input: {profileId: "1001", source: "Webshop", name: "New"}) { userErrors { code } } }',
    );
    const answer = await get(fresh, PROFILE, { 'if-none-match': etag });
    expect([answer.status, (await answer.json()).data.profile.name]).toEqual([200, 'New']);
  });

  test('with errors is not kept', async () => {
    for (const query of ['{ profile(profileId: "..") { name } }', '{ nothing }', '{']) {
      const { headers } = await get(fresh, query);
      expect([headers.get('cache-control'), headers.get('etag')]).toEqual(['no-store', null]);
    }
  });

  test('sends CORS and Vary headers to a browser of another origin', async () => {
    const { headers } = await get(fresh, PROFILE, { origin: 'https://app.example' });
    expect(headers.get('vary')).toMatch(/^origin, accept, .*, accept-encoding$/);
    expect(headers.get('access-control-allow-origin')).toBe('https://app.example');
    expect(headers.get('access-control-expose-headers')).toMatch(/age.*etag/);
  });
});

test('an answer to a POST is never kept', async () => {
  const { headers } = await fresh.query(PROFILE);
  expect([headers.get('cache-control'), headers.get('etag')]).toEqual(['no-store', null]);
});
