import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, LOAD_CORE, startPinned, stopProcess, untilAnswering } from './process.ts';

/** A running HAProxy on the load's core. */
export interface Balancer {
  /** One for each group, in the same order. */
  readonly origins: readonly string[];
  stop(): Promise<void>;
}

/**
 * Starts HAProxy in front of groups of servers, each with a port of its own. It sends a request to the server with the
 * fewest connections.
 *
 * @param groups origins of servers
 * @throws Error when HAProxy is not installed, or does not start
 */
export async function startBalancer(groups: readonly (readonly string[])[]): Promise<Balancer> {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-bench-haproxy-'));
  const ports: number[] = [];
  for (const _ of groups) ports.push(await freePort());
  const sections = groups.map(
    (origins, i) => `
listen group${i}
  bind 127.0.0.1:${ports[i]}
${origins.map((origin, server) => `  server s${server} ${new URL(origin).host}`).join('\n')}
`,
  );
  const file = join(folder, 'haproxy.cfg');
  await writeFile(
    file,
    `global
  nbthread 1
defaults
  mode http
  balance leastconn
  http-reuse always
  timeout connect 5s
  timeout client 60s
  timeout server 60s
${sections.join('')}`,
  );
  const child = startPinned(LOAD_CORE, ['haproxy', '-db', '-f', file]);
  const origins = ports.map((port) => `http://127.0.0.1:${port}`);
  try {
    await untilAnswering(`${origins[0]}/health`, child);
  } catch (error) {
    throw new Error(`HAProxy: ${(error as Error).message} ${child.output()}`);
  }
  return {
    origins,
    stop: async () => {
      await stopProcess(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
