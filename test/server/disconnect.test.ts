import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { listen } from '../helpers/closing.ts';
import { startWithUpstream } from '../helpers/gateway.ts';
import { startIssuer } from '../helpers/issuer.ts';
import { createTokenFile } from '../helpers/token-file.ts';

const tokens = createTokenFile();

/** Sends an operation and goes away after a moment, before the answer. */
async function leave(url: string, query: string, headers: Record<string, string>, afterMs: number): Promise<void> {
  const req = request(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
  });
  req.on('error', () => undefined);
  req.end(JSON.stringify({ query }));
  await sleep(afterMs);
  const closed = new Promise((resolve) => req.once('close', resolve));
  req.destroy();
  await closed;
}

test.each(['off', 'on'])(
  'a client that goes while its token is checked leaves no work behind (COLLAPSE_OPERATIONS=%s)',
  async (collapse) => {
    const issuer = await startIssuer();
    const slow = await import('node:http').then(({ createServer }) =>
      createServer(async (_req, res) => {
        await sleep(400);
        res.setHeader('content-type', 'application/json');
        res.end(JSON.stringify({ keys: [{ ...issuer.publicKey, kid: 'k1', alg: 'ES256', use: 'sig' }] }));
      }),
    );
    const port = await listen(slow);
    const gateway = await startWithUpstream(() => ({ profileid: '1', source: 'S' }), {
      ...tokens.settings,
      ...issuer.settings,
      JWT_JWKS_URL: `http://127.0.0.1:${port}/jwks`,
      COLLAPSE_OPERATIONS: collapse,
    });
    const token = await issuer.sign({ scope: 'profiles:read profiles:write pii:read', projects: ['1'] });
    const authorization = { authorization: `Bearer ${token}` };
    const query = '{ profile(profileId: "1", source: "S") { profileId } }';
    const write = 'mutation { createProfile(input: { profileId: "1", source: "S" }) { profile { profileId } } }';
    await Promise.all([leave(gateway.url, query, authorization, 100), leave(gateway.url, write, authorization, 100)]);
    await sleep(600);
    expect(gateway.upstream.calls).toEqual([]);
    // Who asks the same and stays is answered.
    expect((await gateway.query(query, {}, authorization)).body).toEqual({ data: { profile: { profileId: '1' } } });
  },
);

test('a client that stays is answered, though equal requests were aborted while their tokens were checked', async () => {
  const issuer = await startIssuer();
  const gateway = await startWithUpstream(
    async () => {
      await sleep(100);
      return { profileid: '1', source: 'S' };
    },
    { ...tokens.settings, ...issuer.settings, COLLAPSE_OPERATIONS: 'on' },
  );
  const headers = { authorization: `Bearer ${await issuer.sign({ scope: 'profiles:read', projects: ['1'] })}` };
  const query = '{ profile(profileId: "1", source: "S") { profileId } }';
  const going = [0, 5, 20, 60].map((ms) => leave(gateway.url, query, headers, ms));
  const staying = [gateway.query(query, {}, headers), sleep(30).then(() => gateway.query(query, {}, headers))];
  await Promise.all(going);
  for (const { body } of await Promise.all(staying)) expect(body).toEqual({ data: { profile: { profileId: '1' } } });
});
