import { join } from 'node:path';
import { freePort, SYSTEM_CORE, startPinned } from './process.ts';
import { type Environment, type Running, running, type System } from './system.ts';
import { tailcall } from './tailcall.ts';

const ROOT = join(import.meta.dirname, '..');

function program(name: string, title: string, kind: 'bare' | 'peer', path = (_workload: string) => '/graphql'): System {
  return {
    name,
    title,
    kind,
    start: async ({ upstream, connections, fixtures }) => {
      const port = await freePort();
      const child = startPinned(SYSTEM_CORE, [process.execPath, join(import.meta.dirname, 'systems', `${name}.ts`)], {
        env: {
          PORT: String(port),
          UPSTREAM: upstream,
          CONNECTIONS: String(connections),
          LIST_SIZE: String(fixtures.conversions.length),
          LINKED: fixtures.linked.map((it) => it.profileid).join(','),
        },
      });
      return running(child, port, path);
    },
  };
}

/** Starts the gateway as users do. `settings` are environment variables, `flags` those of Node. */
export async function startGateway(
  { upstream, connections }: Environment,
  settings: Readonly<Record<string, string>>,
  { core = SYSTEM_CORE, flags = [] }: { readonly core?: string; readonly flags?: readonly string[] } = {},
): Promise<Running> {
  const port = await freePort();
  const child = startPinned(core, [process.execPath, ...flags, 'src/start.js'], {
    cwd: ROOT,
    env: {
      PORT: String(port),
      HOST: '127.0.0.1',
      DATATRICS_URL: `${upstream}/2.0`,
      DATATRICS_PROJECT: '1',
      DATATRICS_API_KEY: 'k',
      DATATRICS_FILTERS: 'on',
      DATATRICS_PROFILE_SOURCES: 'Webshop',
      DATATRICS_CONVERSION_SOURCES: 'Webshop',
      AUTH_MODE: 'open',
      LOG_LEVEL: 'silent',
      UPSTREAM_CONNECTIONS: String(connections),
      ...settings,
    },
  });
  return running(child, port, () => '/graphql');
}

function gateway(mode: string, title: string, settings: Record<string, string>, more: Partial<System> = {}): System {
  return {
    name: `gateway-${mode}`,
    title: `gateway, ${title}`,
    kind: 'gateway',
    ...more,
    start: (environment) => startGateway(environment, settings),
  };
}

/** All systems, in the order of the tables. */
export const SYSTEMS: readonly System[] = [
  program('bare', 'bare node:http and undici', 'bare', (workload) => `/${workload}`),
  gateway('executing', 'executing', { SHARE_IN_FLIGHT: 'off' }),
  gateway('sharing', 'sharing (default)', {}, { shares: 'calls' }),
  gateway('collapsing', 'collapsing', { COLLAPSE_OPERATIONS: 'on' }, { shares: 'operations' }),
  gateway('batch', 'batch reads', { SHARE_IN_FLIGHT: 'off', DATATRICS_BATCH_READS: 'on' }, { only: ['Q3'] }),
  program('mercurius', 'Mercurius and JIT', 'peer'),
  program('yoga', 'Yoga, Pothos, DataLoader', 'peer'),
  program('apollo', 'Apollo Server, REST data source', 'peer'),
  program('mesh', 'Hive Gateway, Mesh', 'peer'),
  tailcall('tailcall', 'Tailcall, executing', false),
  tailcall('tailcall-dedupe', 'Tailcall, dedupe', true),
];
