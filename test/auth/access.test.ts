import { describe, expect, test } from 'vitest';
import { startWithUpstream } from '../helpers/gateway.ts';

const answer = (): object => ({ profileid: '1', source: 's', name: 'Somebody' });
const open = await startWithUpstream(answer);
const passthrough = await startWithUpstream(answer, { AUTH_MODE: 'passthrough' });

const PROFILE = '{ profile(profileId: "1", source: "s") { name } }';

describe('open', () => {
  test('makes every call with the configured key, whatever the caller sends', async () => {
    open.upstream.calls.length = 0;
    const { status } = await open.query(PROFILE, {}, { 'x-apikey': 'mine', 'x-datatrics-project': '99' });
    expect(status).toBe(200);
    expect(open.upstream.calls[0]).toMatchObject({
      path: '/2.0/project/1/profile/1?source=s',
      headers: { 'x-apikey': 'k' },
    });
  });
});

describe('passthrough', () => {
  test('sends the caller’s own key, in a header and nowhere else', async () => {
    passthrough.upstream.calls.length = 0;
    const { status, body } = await passthrough.query(PROFILE, {}, { 'x-apikey': 'key-canary' });
    expect(status).toBe(200);
    expect(passthrough.upstream.calls[0]?.headers['x-apikey']).toBe('key-canary');
    expect(passthrough.upstream.calls[0]?.path).not.toContain('canary');
    expect(JSON.stringify(body)).not.toContain('canary');
  });

  test('lets no other header of the caller’s go upstream, with reads and with writes', async () => {
    passthrough.upstream.calls.length = 0;
    const strange = {
      cookie: 'a=canary',
      authorization: 'Bearer canary',
      'x-forwarded-for': 'canary',
      'x-datatrics-project': '1',
      'x-router-secret': 'canary',
      'accept-language': 'canary',
    };
    for (const query of [
      PROFILE,
      'mutation { createProfile(input: { profileId: "1", source: "s" }) { userErrors { code } } }',
    ]) {
      await passthrough.query(query, {}, { 'x-apikey': 'k1', 'x-request-id': 'r1', ...strange });
    }
    expect(passthrough.upstream.calls).toHaveLength(2);
    for (const { headers } of passthrough.upstream.calls) {
      expect(
        Object.keys(headers)
          .filter((name) => name !== 'content-length')
          .sort(),
      ).toEqual(['accept', 'accept-encoding', 'connection', 'content-type', 'host', 'x-apikey', 'x-request-id']);
      expect(JSON.stringify(headers)).not.toContain('canary');
    }
  });

  test.each([
    {},
    { 'x-apikey': '' },
    { 'x-apikey': 'two words' },
    { 'x-apikey': 'x'.repeat(600) },
    { authorization: 'Bearer k' },
  ])('answers 401 without a usable key, and makes no call: %o', async (headers) => {
    passthrough.upstream.calls.length = 0;
    const { status, body } = await passthrough.query(PROFILE, {}, headers as Record<string, string>);
    expect(status).toBe(401);
    expect(body).toEqual({ errors: [{ message: expect.any(String), extensions: { code: 'UNAUTHENTICATED' } }] });
    expect(passthrough.upstream.calls).toEqual([]);
  });

  test('goes to the project that the caller names, if it can be one', async () => {
    passthrough.upstream.calls.length = 0;
    await passthrough.query(PROFILE, {}, { 'x-apikey': 'k1', 'x-datatrics-project': 'my_project-2' });
    expect(passthrough.upstream.calls[0]?.path).toBe('/2.0/project/my_project-2/profile/1?source=s');
    passthrough.upstream.calls.length = 0;
    for (const project of ['../1', 'a/b', '1?x=y', '1#', 'é', 'x'.repeat(65), ' ']) {
      const { body } = await passthrough.query(
        PROFILE,
        {},
        { 'x-apikey': 'k1', 'x-datatrics-project': encodeURIComponent(project).replace(/%2F/g, '/') },
      );
      if (encodeURIComponent(project) === project) continue;
      expect(body.errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
    }
    expect(passthrough.upstream.calls.filter(({ path }) => !path.startsWith('/2.0/project/1/'))).toEqual([]);
  });

  test('needs no key for GraphiQL’s page', async () => {
    const page = await fetch(`${passthrough.url}/graphql`, { headers: { accept: 'text/html' } });
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('x-apikey');
  });
});
