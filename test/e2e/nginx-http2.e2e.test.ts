import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { closeAtEnd } from '../helpers/closing.ts';
import { type GraphqlResult, postJson, startUpstream } from '../helpers/gateway.ts';
import { type Instance, startInstance } from '../helpers/instance.ts';
import { startNginx, type TestNginx } from '../helpers/nginx.ts';

const TRUSTED = { NODE_EXTRA_CA_CERTS: resolve('test/fixtures/tls/cert.pem') };

interface Stack {
  readonly nginx: TestNginx;
  readonly gateway: Instance;
  /** Most requests that the API behind nginx answered at once. */
  readonly mostAtOnce: () => number;
  query(query: string): Promise<GraphqlResult['body']>;
}

/**
 * A gateway in front of nginx, which is in front of an API that takes 50 ms for each answer.
 *
 * @param options.together as many requests must be under way before the API answers the first
 */
async function start({
  directives = '',
  settings = TRUSTED as Record<string, string>,
  together = 1,
} = {}): Promise<Stack> {
  let now = 0;
  let most = 0;
  const gathered = Promise.withResolvers<void>();
  const api = await startUpstream(async ({ path, body }) => {
    now += 1;
    most = Math.max(most, now);
    if (now >= together) gathered.resolve();
    await gathered.promise;
    await sleep(50);
    now -= 1;
    const id = /\/profile\/(\w+)/.exec(path)?.[1] ?? JSON.parse(body).profileid;
    return { profileid: id, source: 's', name: `Name of ${id}`, country: 'NL'.repeat(200) };
  });
  const nginx = await startNginx(api.origin, directives);
  closeAtEnd(() => nginx.close());
  const gateway = await startInstance({
    DATATRICS_URL: `${nginx.origin}/2.0`,
    DATATRICS_PROJECT: '1',
    DATATRICS_API_KEY: 'k',
    AUTH_MODE: 'open',
    RATE_LIMIT: 'off',
    MAX_ROOT_FIELDS: '100',
    // One in eight is kept for other endpoints than the one read here.
    UPSTREAM_CONNECTIONS: '74',
    ...settings,
  });
  closeAtEnd(() => gateway.stop());
  const query = async (query: string): Promise<GraphqlResult['body']> => {
    const response = await postJson(`${gateway.url}/graphql`, { query }, { accept: 'application/json' });
    return (await response.json()) as GraphqlResult['body'];
  };
  return { nginx, gateway, mostAtOnce: () => most, query };
}

/** A query that reads as many profiles at once, and its answer. */
function profiles(count: number, prefix = 'p'): { query: string; answer: object } {
  const ids = Array.from({ length: count }, (_, n) => `${prefix}${n}`);
  return {
    query: `{ ${ids.map((id) => `${id}: profile(profileId: "${id}", source: "s") { name }`).join(' ')} }`,
    answer: { data: Object.fromEntries(ids.map((id) => [id, { name: `Name of ${id}` }])) },
  };
}

const distinct = (values: readonly string[]): string[] => [...new Set(values)].sort();
const connections = (nginx: TestNginx): string[] => distinct(nginx.requests().map(({ connection }) => connection));
const protocols = (nginx: TestNginx): string[] => distinct(nginx.requests().map(({ protocol }) => protocol));

/** Reads in four loops until `done`, other profiles each time; gives the number of reads, after checking every answer. */
async function readUntil(query: Stack['query'], done: Promise<unknown>): Promise<number> {
  let isDone = false;
  void done.finally(() => {
    isDone = true;
  });
  let reads = 0;
  const wrong: unknown[] = [];
  const loop = async (name: string): Promise<void> => {
    for (let turn = 0; !isDone; turn++) {
      const batch = profiles(5, `${name}${turn}x`);
      const body = await query(batch.query);
      if (!isDeepStrictEqual(body, batch.answer)) wrong.push(body);
      reads += 5;
    }
  };
  await Promise.all(['a', 'b', 'c', 'd'].map(loop));
  await done;
  expect(wrong).toEqual([]);
  return reads;
}

describe('nginx in front of the API, with TLS, HTTP/2 and gzip', () => {
  test('carries 64 reads at once and writes over one connection, and its compressed answers are read', async () => {
    const { nginx, query, mostAtOnce } = await start({ together: 64 });
    const reads = profiles(64);
    expect(await query(reads.query)).toEqual(reads.answer);
    expect(mostAtOnce()).toBe(64);
    expect(
      await query('mutation { createProfile(input: { profileId: "1", source: "s" }) { profile { profileId } } }'),
    ).toEqual({ data: { createProfile: { profile: { profileId: '1' } } } });
    await expect.poll(() => nginx.requests().length).toBeGreaterThanOrEqual(65);
    const requests = nginx.requests();
    expect(requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
    expect(protocols(nginx)).toEqual(['HTTP/2.0']);
    expect(connections(nginx)).toHaveLength(1);
    const gets = requests.filter(({ method }) => method === 'GET');
    expect(distinct(gets.map(({ encoding, status }) => `${encoding} ${status}`))).toEqual(['gzip 200']);
  });

  test('may allow 8 streams at once only: every read completes', async () => {
    const { nginx, query, mostAtOnce } = await start({ directives: 'http2_max_concurrent_streams 8;' });
    for (const prefix of ['first', 'second']) {
      const reads = profiles(64, prefix);
      expect(await query(reads.query)).toEqual(reads.answer);
    }
    expect(mostAtOnce()).toBeGreaterThan(1);
    expect(protocols(nginx)).toEqual(['HTTP/2.0']);
  });

  test('may be reloaded under traffic: no read is lost', async () => {
    const { nginx, query } = await start();
    const reload = async (): Promise<void> => {
      for (let times = 0; times < 3; times++) {
        await sleep(400);
        nginx.reload();
      }
      await sleep(400);
    };
    const reads = await readUntil(query, reload());
    expect(reads).toBeGreaterThan(100);
    expect(connections(nginx).length).toBeGreaterThan(1);
    expect(protocols(nginx)).toEqual(['HTTP/2.0']);
  });

  test('may end each connection after 30 requests: no read is lost', async () => {
    const { nginx, query } = await start({ directives: 'keepalive_requests 30;' });
    const reads = await readUntil(query, sleep(1_500));
    expect(reads).toBeGreaterThan(100);
    expect(connections(nginx).length).toBeGreaterThanOrEqual(Math.floor(reads / 30));
    expect(protocols(nginx)).toEqual(['HTTP/2.0']);
  });

  test('is not trusted without its certificate: the operation fails, and the log has the cause', async () => {
    const { nginx, gateway, query } = await start({ settings: {} });
    const body = await query(profiles(1).query);
    expect(body.errors).toMatchObject([{ path: ['p0'], extensions: { code: 'UPSTREAM_UNAVAILABLE' } }]);
    expect(JSON.stringify(body)).not.toContain('SELF_SIGNED');
    const operation = (): unknown =>
      gateway
        .output()
        .split('\n')
        .filter((line) => line.includes('"msg":"operation"'))
        .map((line) => JSON.parse(line))[0];
    await expect.poll(operation).toMatchObject({ causes: ['DEPTH_ZERO_SELF_SIGNED_CERT'] });
    expect(nginx.requests()).toEqual([]);
  });
});
