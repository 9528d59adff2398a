import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { postJson, startWithUpstream } from '../helpers/gateway.ts';
import { createTokenFile } from '../helpers/token-file.ts';

/**
 * A few nanoseconds can't be measured over HTTP, so these look on while secrets are compared: every guess has to cost
 * exactly one comparison in constant time, of as many bytes as any other.
 */
const compared: number[] = [];
const { timingSafeEqual } = crypto;
crypto.timingSafeEqual = (a, b) => {
  compared.push(a.byteLength);
  return timingSafeEqual(a, b);
};
syncBuiltinESMExports();

const SECRET = 'a-secret-that-routers-know';
const tokens = createTokenFile();
const shop = tokens.add('shop', ['profiles:read']);
const gateway = await startWithUpstream(() => ({ profileid: '1', source: 'S' }), {
  ...tokens.settings,
  ROUTER_SECRET: SECRET,
});
const signed = await startWithUpstream(() => ({ profileid: '1', source: 'S' }), { ROUTER_HMAC_SECRET: SECRET });
afterAll(() => {
  crypto.timingSafeEqual = timingSafeEqual;
  syncBuiltinESMExports();
});
beforeEach(() => {
  compared.length = 0;
});

const HASH_BYTES = 'sha256:'.length + 43;
const DIGEST_BYTES = 32;
const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

describe('a static token', () => {
  test.each([
    ['an id that does not exist', () => bearer(`dtg.nobody.${'A'.repeat(43)}`)],
    ['an id that is a name of JavaScript’s own', () => bearer(`dtg.constructor.${'A'.repeat(43)}`)],
    ['a wrong secret', () => bearer(`dtg.shop.${'A'.repeat(43)}`)],
    ['a wrong secret of another length', () => bearer('dtg.shop.A')],
    ['a secret that begins right', () => bearer((shop.authorization as string).slice(7, -1))],
  ])('with %s costs one comparison', async (_name, make) => {
    expect((await gateway.query('{ __typename }', {}, make())).status).toBe(401);
    expect(compared).toEqual([HASH_BYTES]);
  });

  test.each([`dtg.shop.${'é'.repeat(43)}`, `dtg.shop.${'A'.repeat(40)} ${'A'.repeat(3)}`])(
    'of other characters is not even compared: %s',
    async (token) => {
      expect((await gateway.query('{ __typename }', {}, bearer(token))).status).toBe(401);
      expect(compared).toEqual([]);
    },
  );

  test('that is right costs the same', async () => {
    expect((await gateway.query('{ __typename }', {}, shop)).status).toBe(200);
    expect(compared).toEqual([HASH_BYTES]);
  });
});

describe('a router', () => {
  test.each(['A', SECRET.slice(0, -1), `${SECRET}x`, 'B'.repeat(SECRET.length)])(
    'with the secret %s costs one comparison',
    async (secret) => {
      const { status } = await gateway.subgraph('{ __typename }', {}, { 'x-router-secret': secret });
      expect([status, compared]).toEqual([401, [DIGEST_BYTES]]);
    },
  );

  test('with its secret costs the same', async () => {
    const { status } = await gateway.subgraph('{ __typename }', {}, { 'x-router-secret': SECRET });
    expect([status, compared]).toEqual([200, [DIGEST_BYTES]]);
  });

  test.each(['', 'A', 'A'.repeat(43), `${'A'.repeat(43)}=`])(
    'with the signature %j costs one comparison',
    async (signature) => {
      const response = await postJson(`${signed.url}/subgraph`, {
        query: '{ __typename }',
        extensions: { 'hmac-signature': signature },
      });
      expect([response.status, compared]).toEqual([401, [DIGEST_BYTES]]);
    },
  );
});
