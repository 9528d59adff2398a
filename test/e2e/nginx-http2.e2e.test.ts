import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { closeAtEnd } from '../helpers/closing.ts';
import { settingsOf } from '../helpers/config.ts';
import { type GraphqlResult, postJson, startUpstream } from '../helpers/gateway.ts';
import { startInstance } from '../helpers/instance.ts';
import { type LoggedRequest, startNginx } from '../helpers/nginx.ts';

const TRUSTED = { NODE_EXTRA_CA_CERTS: resolve('test/fixtures/tls/cert.pem') };

/**
 * A gateway in front of nginx, which is in front of an API that takes 50 ms for each answer.
 *
 * @param options.together as many requests must be under way before the API answers the first
 */
async function start({ directives = '', settings = TRUSTED as Record<string, string>, together = 1 } = {}) {
  let came = 0;
  const gathered = Promise.withResolvers<void>();
  const api = await startUpstream(async ({ path, body }) => {
    if (++came >= together) gathered.resolve();
    await gathered.promise;
    await sleep(50);
    const id = /\/profile\/(\w+)/.exec(path)?.[1] ?? JSON.parse(body).profileid;
    return { profileid: id, source: 's', name: `Name of ${id}`, country: 'NL'.repeat(200) };
  });
  const nginx = await startNginx(api.origin, directives);
  closeAtEnd(() => nginx.close());
  const gateway = await startInstance({
    ...settingsOf(`${nginx.origin}/2.0`),
    MAX_ROOT_FIELDS: '100',
    // One in eight is kept for other endpoints than the one read here.
    UPSTREAM_CONNECTIONS: '74',
    ...settings,
  });
  closeAtEnd(() => gateway.stop());
  const query = async (query: string): Promise<GraphqlResult['body']> =>
    (await postJson(`${gateway.url}/graphql`, { query }, { accept: 'application/json' })).json();
  return {
    nginx,
    gateway,
    query,
    /** Different values of the requests that nginx has logged. */
    distinct: (of: (request: LoggedRequest) => string) => [...new Set(nginx.requests().map(of))],
    /** Reads as many profiles in one operation, and checks the answer. */
    async read(count: number, prefix = 'p'): Promise<void> {
      const ids = Array.from({ length: count }, (_, n) => `${prefix}${n}`);
      const fields = ids.map((id) => `${id}: profile(profileId: "${id}", source: "s") { name }`).join(' ');
      const data = Object.fromEntries(ids.map((id) => [id, { name: `Name of ${id}` }]));
      expect(await query(`{ ${fields} }`)).toEqual({ data });
    },
  };
}

const ONLY_HTTP2 = ['HTTP/2.0'];

describe('nginx in front of the API, with TLS, HTTP/2 and gzip', () => {
  test('carries 64 reads at once and writes over one connection, and its compressed answers are read', async () => {
    const { nginx, query, read, distinct } = await start({ together: 64 });
    // None is answered until all have come.
    await read(64);
    expect(
      await query('mutation { createProfile(input: { profileId: "1", source: "s" }) { profile { profileId } } }'),
    ).toEqual({ data: { createProfile: { profile: { profileId: '1' } } } });
    await expect.poll(() => nginx.requests().length).toBeGreaterThanOrEqual(65);
    expect(distinct(({ protocol }) => protocol)).toEqual(ONLY_HTTP2);
    expect(distinct(({ connection }) => connection)).toHaveLength(1);
    const gets = distinct(({ method, encoding, status }) => `${method} ${encoding} ${status}`);
    expect(gets).toEqual(expect.arrayContaining(['GET gzip 200']));
    expect(nginx.requests().filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  test.each([
    ['be reloaded', '', 3],
    ['end each connection after 30 requests', 'keepalive_requests 30;', 0],
  ])('may %s under traffic: no read is lost', async (_, directives, reloads) => {
    const { nginx, read, distinct } = await start({ directives });
    const connections = () => distinct(({ connection }) => connection).length;
    let isDone = false;
    const loop = async (name: string): Promise<void> => {
      for (let turn = 0; !isDone; turn++) await read(5, `${name}${turn}x`);
    };
    const loops = Promise.all(['a', 'b', 'c', 'd'].map(loop));
    for (let times = 0; times < reloads; times++) {
      const before = nginx.requests().length;
      await expect.poll(() => nginx.requests().length).toBeGreaterThan(before + 40);
      nginx.reload();
    }
    await expect.poll(connections, { timeout: 20_000 }).toBeGreaterThan(3);
    isDone = true;
    await loops;
    expect(distinct(({ protocol }) => protocol)).toEqual(ONLY_HTTP2);
  });

  test('is not trusted without its certificate: the operation fails, and the log has the cause', async () => {
    const { nginx, gateway, query } = await start({ settings: {} });
    const body = await query('{ p0: profile(profileId: "p0", source: "s") { name } }');
    expect(body.errors).toMatchObject([{ path: ['p0'], extensions: { code: 'UPSTREAM_UNAVAILABLE' } }]);
    expect(JSON.stringify(body)).not.toContain('SELF_SIGNED');
    await expect.poll(gateway.output).toMatch(/"causes":\["DEPTH_ZERO_SELF_SIGNED_CERT"\].*"msg":"operation"/);
    expect(nginx.requests()).toEqual([]);
  });
});
