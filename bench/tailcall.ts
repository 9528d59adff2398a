import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, SYSTEM_CORE, startPinned } from './process.ts';
import { running, type System } from './system.ts';

const BINARY = join(import.meta.dirname, 'node_modules/@tailcallhq/core-linux-x64-gnu/bin/tailcall');

/** Tailcall, with its configuration written for this upstream. */
export function tailcall(name: string, title: string, dedupe: boolean): System {
  return {
    name,
    title,
    kind: 'peer',
    ...(dedupe ? { shares: 'operations' } : undefined),
    start: async ({ upstream }) => {
      const folder = await mkdtemp(join(tmpdir(), 'gateway-bench-tailcall-'));
      const port = await freePort();
      const file = join(folder, 'config.graphql');
      await writeFile(file, configuration(port, upstream, dedupe));
      const child = startPinned(SYSTEM_CORE, [BINARY, 'start', file], {});
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

function configuration(port: number, upstream: string, dedupe: boolean): string {
  return `schema @server(port: ${port}, hostname: "127.0.0.1") @upstream(httpCache: 0) { query: Query } # ${upstream} ${dedupe}`;
}
