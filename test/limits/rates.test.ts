import { describe, expect, test } from 'vitest';
import { startWithSandbox } from '../helpers/gateway.ts';

const PROFILE = '{ profile(profileId: "1001", source: "Webshop") { name } }';
describe('a limit on requests', () => {
  test('answers 429 with Retry-After beyond the limit, and reports what is left before it', async () => {
    const gateway = await startWithSandbox({ RATE_LIMIT: '3r' });
    for (const left of [2, 1, 0]) {
      const { status, headers } = await gateway.query(PROFILE);
      expect(status).toBe(200);
      expect(headers.get('ratelimit')).toMatch(new RegExp(`^"requests";r=${left};t=\\d+$`));
      expect(headers.get('ratelimit-policy')).toBe('"requests";q=3;w=60');
    }
    const { status, headers, body } = await gateway.query(PROFILE);
    expect(status).toBe(429);
    expect(body).toEqual({ errors: [{ message: expect.any(String), extensions: { code: 'RATE_LIMITED' } }] });
    const retryAfter = Number(headers.get('retry-after'));
    expect(retryAfter).toBeGreaterThan(0);
    expect(retryAfter).toBeLessThanOrEqual(60);
    const accept = 'application/graphql-response+json';
    const again = await gateway.query(PROFILE, {}, { accept });
    expect([again.status, again.headers.get('content-type')]).toEqual([429, 'application/json; charset=utf-8']);
  });

  test('is absent from answers when it is off', async () => {
    const gateway = await startWithSandbox({ RATE_LIMIT: 'off' });
    const { status, headers } = await gateway.query(PROFILE);
    expect([status, headers.get('ratelimit'), headers.get('ratelimit-policy')]).toEqual([200, null, null]);
  });

  test('counts each caller for themselves', async () => {
    const gateway = await startWithSandbox({ RATE_LIMIT: '1r', AUTH_MODE: 'passthrough' });
    const ask = async (key: string): Promise<number> => (await gateway.query(PROFILE, {}, { 'x-apikey': key })).status;
    expect(await ask('key-of-one')).toBe(200);
    expect(await ask('key-of-one')).toBe(429);
    expect(await ask('key-of-another')).toBe(200);
  });

  test('holds for GET as well', async () => {
    const gateway = await startWithSandbox({ RATE_LIMIT: '1r' });
    const url = `${gateway.url}/graphql?query=${encodeURIComponent('{ __typename }')}`;
    expect((await fetch(url)).status).toBe(200);
    expect((await fetch(url)).status).toBe(429);
  });
});

describe('a limit on REST calls', () => {
  test('stops the requests after the one that used them up', async () => {
    const gateway = await startWithSandbox({ RATE_LIMIT: '3c' });
    const two =
      '{ a: profile(profileId: "1001", source: "Webshop") { name } b: profile(profileId: "1002", source: "Webshop") { name } }';
    expect((await gateway.query(two)).status).toBe(200);
    expect((await gateway.query(two)).status).toBe(200);
    await expect.poll(async () => (await gateway.query(two)).status).toBe(429);
    expect(gateway.sandbox.requests).toHaveLength(4);
  });

  test('lets through what calls nothing', async () => {
    const gateway = await startWithSandbox({ RATE_LIMIT: '1c' });
    for (let i = 0; i < 5; i++) expect((await gateway.query('{ __typename }')).status).toBe(200);
  });
});
