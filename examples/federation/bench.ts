import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { RESTDataSource } from '@apollo/datasource-rest';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { buildSubgraphSchema } from '@apollo/subgraph';
import { parse } from 'graphql';

/**
 * Entity requests per second of the gateway's `/subgraph`, compared with a subgraph made with @apollo/subgraph, Apollo Server and
 * datasource-rest, in front of the same API: `npm run bench -- --seconds 8`.
 *
 * Each program runs in a separate process. Each request has 100 representations of 40 distinct profiles. 20 connections send
 * requests to the two programs in turns.
 */
const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '20' },
    role: { type: 'string', default: 'load' },
    upstream: { type: 'string', default: '' },
  },
});

const QUERY = `query ($representations: [_Any!]!) {
  _entities(representations: $representations) { ... on Profile { profileId source name email country } }
}`;

/** The API: answers at once, with a record for every id. */
async function serveApi(): Promise<number> {
  const server = createServer((req, res) => {
    const [, id = ''] = /\/profile\/([^?]+)/.exec(req.url ?? '') ?? [];
    res.writeHead(200, { 'content-type': 'application/json' }).end(
      JSON.stringify({
        profileid: id,
        source: 'Webshop',
        name: `Person ${id}`,
        email: `p${id}@mail.example`,
        country: 'The Netherlands',
        created: '2024-05-01 12:00:00',
        loyalty_tier: 'gold',
      }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

interface Profile {
  readonly profileid: string;
  readonly source: string;
}

class DatatricsApi extends RESTDataSource {
  override baseURL = `${values.upstream}/`;

  /** datasource-rest shares one answer between requests of one operation for the same path. */
  getProfile({ profileId, source }: { profileId: string; source: string }): Promise<Profile> {
    return this.get(`project/1/profile/${encodeURIComponent(profileId)}`, {
      params: { source },
      headers: { 'x-apikey': 'k' },
    });
  }
}

interface Context {
  readonly api: DatatricsApi;
}

/** The hand-written subgraph. */
async function serveApollo(): Promise<number> {
  const typeDefs = parse(`
    extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
    type Profile @key(fields: "profileId source") {
      profileId: ID!  source: String!  name: String  email: String  country: String
    }
  `);
  const resolvers = {
    Profile: {
      __resolveReference: (key: { profileId: string; source: string }, { api }: Context) => api.getProfile(key),
      profileId: ({ profileid }: Profile) => profileid,
    },
  };
  const server = new ApolloServer<Context>({
    schema: buildSubgraphSchema([{ typeDefs, resolvers: resolvers as never }]),
  });
  const { url } = await startStandaloneServer(server, {
    listen: { port: 0, host: '127.0.0.1' },
    context: async () => ({ api: new DatatricsApi({ cache: server.cache }) }),
  });
  return Number(new URL(url).port);
}

/** Starts a program of this file, or the gateway, in a separate process; returns its port. */
async function start(role: string, env: Record<string, string> = {}, args: string[] = []) {
  const isGateway = role === 'gateway';
  const file = isGateway ? '../../src/main.ts' : './bench.ts';
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), isGateway ? [] : ['--role', role, ...args], {
    env: { ...process.env, NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  if (!isGateway) return { child, port: Number((await once(child, 'message'))[0]) };
  for await (const text of child.stdout ?? []) {
    const port = /http:\/\/[^:]+:(\d+)/.exec(String(text))?.[1];
    if (port) return { child, port: Number(port) };
  }
  throw new Error(`${role} did not start.`);
}

/** Measures requests per second over concurrent connections, and checks every answer. */
async function measure(url: string, seconds: number, connections: number): Promise<number> {
  let done = 0;
  const end = performance.now() + seconds * 1000;
  const body = JSON.stringify({
    query: QUERY,
    variables: {
      representations: Array.from({ length: 100 }, (_, index) => ({
        __typename: 'Profile',
        profileId: String(1001 + (index % 40)),
        source: 'Webshop',
      })),
    },
  });
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (performance.now() < end) {
        const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
        const { data, errors } = (await response.json()) as {
          data: { _entities: { email: string }[] };
          errors?: object;
        };
        if (errors || data._entities[99]?.email !== 'p1020@mail.example')
          throw new Error(JSON.stringify(errors ?? data));
        done += 1;
      }
    }),
  );
  return done / seconds;
}

async function load(): Promise<void> {
  const { seconds, rounds, connections } = {
    seconds: Number(values.seconds),
    rounds: Number(values.rounds),
    connections: Number(values.connections),
  };
  const api = await start('api');
  const upstream = `http://127.0.0.1:${api.port}/2.0`;
  const configuration = {
    PORT: '0',
    LOG_LEVEL: 'warn',
    DATATRICS_URL: upstream,
    DATATRICS_PROJECT: '1',
    DATATRICS_API_KEY: 'k',
    AUTH_MODE: 'open',
  };
  const programs = {
    'the gateway': { ...(await start('gateway', configuration)), path: '/subgraph' },
    'the gateway, sharing off': {
      ...(await start('gateway', { ...configuration, SHARE_IN_FLIGHT: 'off' })),
      path: '/subgraph',
    },
    '@apollo/subgraph on Apollo Server with datasource-rest': {
      ...(await start('apollo', {}, ['--upstream', upstream])),
      path: '/',
    },
  };
  const rates = new Map<string, number[]>();
  for (let round = -1; round < rounds; round++) {
    for (const [name, { port, path }] of Object.entries(programs)) {
      const rate = await measure(`http://127.0.0.1:${port}${path}`, round < 0 ? 2 : seconds, connections);
      if (round >= 0) rates.set(name, [...(rates.get(name) ?? []), rate]);
      await sleep(200);
    }
  }
  const medians = [...rates].map(([name, all]) => [name, all.sort((a, b) => a - b)[all.length >> 1] ?? 0] as const);
  const base = medians.at(-1)?.[1] ?? 0;
  for (const [name, rate] of medians) {
    process.stdout.write(
      `${rate.toFixed(0).padStart(7)} requests/s  ${(rate / base).toFixed(1).padStart(5)} ×  ${name}\n`,
    );
  }
  for (const { child } of [api, ...Object.values(programs)]) child.kill();
  process.exit(0);
}

const roles: Record<string, () => Promise<number>> = { api: serveApi, apollo: serveApollo };
const serve = roles[values.role];
if (serve) process.send?.(await serve());
else await load();
