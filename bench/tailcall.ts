import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, SYSTEM_CORE, startPinned } from './process.ts';
import { running, type System } from './system.ts';

/** Maximum of idle connections. Without dedupe, Tailcall opens one per link; a lower limit costs most of its rate. */
const IDLE_CONNECTIONS = 4_000;
const GLIBC = join(import.meta.dirname, '.glibc/usr/lib/x86_64-linux-gnu');
const BINARY = join(import.meta.dirname, 'node_modules/@tailcallhq/core-linux-x64-gnu/bin/tailcall');

/** Returns Tailcall as a system. It writes the configuration for the upstream at start. */
export function tailcall(name: string, title: string, dedupe: boolean): System {
  return {
    name,
    title,
    kind: 'peer',
    hasRawTimes: true,
    ...(dedupe ? { shares: 'operations' } : undefined),
    start: async ({ upstream }) => {
      const folder = await mkdtemp(join(tmpdir(), 'gateway-bench-tailcall-'));
      const port = await freePort();
      const file = join(folder, 'config.graphql');
      await writeFile(file, configuration(port, upstream, dedupe));
      const child = startPinned(SYSTEM_CORE, command(file), {
        env: { TAILCALL_LOG_LEVEL: 'error', TAILCALL_TRACKER: 'false' },
      });
      const it = await running(child, port, () => '/graphql');
      return {
        ...it,
        stop: async () => {
          await it.stop();
          await rm(folder, { recursive: true, force: true });
        },
      };
    },
  };
}

/** Returns the command that starts the binary, with the glibc of `bench/glibc.sh` if it is installed. */
function command(file: string): string[] {
  const loader = join(GLIBC, 'ld-linux-x86-64.so.2');
  return [...(existsSync(loader) ? [loader, '--library-path', GLIBC] : []), BINARY, 'start', file];
}

/**
 * Returns the schema of the other peers as Tailcall configuration. It does not check certificates, since rustls refuses one
 * that is its own authority. `dedupe` on all fields also deduplicates operations. */
function configuration(port: number, upstream: string, dedupe: boolean): string {
  const api = `${upstream}/2.0/project/1`;
  const more = dedupe ? ', dedupe: true' : '';
  const source = '{key: "source", value: "{{.args.source}}"}';
  const list = '{key: "limit", value: "{{.args.first}}"}, {key: "page", value: "1"}';
  return `
schema
  @server(port: ${port}, hostname: "127.0.0.1", workers: 1)
  @upstream(httpCache: 0, poolMaxIdlePerHost: ${IDLE_CONNECTIONS}, verifySSL: false) {
  query: Query
}
type Query {
  profile(profileId: ID!, source: String): Profile
    @http(url: "${api}/profile/{{.args.profileId}}", query: [${source}]${more})
  conversions(first: Int): ConversionConnection
    @http(url: "${api}/sale", query: [${list}]${more})
}
type Profile {
  profileid: ID! @modify(name: "profileId")
  source: String!
  name: String
  firstname: String @modify(name: "firstName")
  lastname: String @modify(name: "lastName")
  email: String
  country: String
  created: String @modify(name: "createdAt")
  updated: String @modify(name: "updatedAt")
}
type ConversionConnection {
  items: [Conversion]! @modify(name: "nodes")
}
type Conversion {
  conversionid: ID! @modify(name: "conversionId")
  source: String!
  profileid: ID! @modify(name: "profileId")
  email: String
  total: Float
  created: String @modify(name: "createdAt")
  updated: String @modify(name: "updatedAt")
  items: [ConversionItem!]!
  profile(source: String): Profile
    @http(url: "${api}/profile/{{.value.profileid}}", query: [${source}]${more})
}
type ConversionItem {
  itemid: ID @modify(name: "itemId")
  name: String
  price: Float
  quantity: Float
  total: Float
}
`;
}
