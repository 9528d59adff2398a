import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Fixtures, writeFixtures } from './fixtures.ts';
import { freePort, LOAD_CORE, stopProcess, untilAnswering } from './process.ts';

/** nginx that serves the fixtures as static files, with the paths of the API. */
export interface Upstream {
  readonly origin: string;
  readonly port: number;
  /** Returns the requests served so far, without those of this method. */
  requests(): Promise<number>;
  stop(): Promise<void>;
}

/**
 * Starts nginx with a temporary folder and configuration, on a free loopback port and the load's core.
 *
 * @throws Error when nginx is not installed, or does not start
 */
export async function startUpstream(fixtures: Fixtures): Promise<Upstream> {
  const folder = await mkdtemp(join(tmpdir(), 'gateway-bench-'));
  const files = join(folder, 'files');
  await mkdir(files);
  await writeFixtures(fixtures, files);
  const port = await freePort();
  await writeFile(join(folder, 'nginx.conf'), configuration(port, folder));
  const child = spawn(
    'taskset',
    ['-c', LOAD_CORE, 'nginx', '-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const origin = `http://127.0.0.1:${port}`;
  await untilAnswering(`${origin}/status`, child);
  // nginx also counts the requests for the status.
  let statusRequests = 0;
  return {
    origin,
    port,
    requests: async () => {
      const status = await (await fetch(`${origin}/status`)).text();
      statusRequests += 1;
      return Number(/^\s*\d+ \d+ (\d+)/m.exec(status)?.[1]) - statusRequests;
    },
    stop: async () => {
      await stopProcess(child, 'SIGQUIT');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function configuration(port: number, folder: string): string {
  // As root, nginx would run its worker as another user, which cannot read the temporary folder.
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  return `
${user}
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 12000; }
http {
  access_log off;
  default_type application/json;
  sendfile on;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  open_file_cache max=10000 inactive=600s;
  open_file_cache_valid 600s;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  map $args $sales {
    default /sale.json;
    "~*(?:^|&)q(?:\\[|%5B)profileid(?:\\]|%5D)=(?<profile>[^&]+)" /sale-of/$profile.json;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096 reuseport;
    root ${folder}/files;
    location = /status { stub_status; }
    location = /2.0/project/1/sale { try_files $sales =404; }
    location = /2.0/project/1/profile { try_files /profiles.json =404; }
    location /2.0/project/1/profile/ { alias ${folder}/files/profile/; }
  }
}
`;
}

/** A running proxy that delays responses. */
export interface Delay {
  readonly origin: string;
  stop(): Promise<void>;
}

/**
 * Starts a proxy that adds latency to an upstream, in its own process on the load's core.
 *
 * @param ms delay of each response
 * @param connectMs additional ms for a new connection. Default: 0
 */
export async function startDelay(upstreamPort: number, ms: number, connectMs = 0): Promise<Delay> {
  const port = await freePort();
  const numbers = { listen: port, to: upstreamPort, ms, connect: connectMs };
  const args = Object.entries(numbers).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child: ChildProcess = spawn(
    'taskset',
    ['-c', LOAD_CORE, process.execPath, join(import.meta.dirname, 'delay.ts'), ...args],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  if (child.stdout) await once(child.stdout, 'data');
  return { origin: `http://127.0.0.1:${port}`, stop: () => stopProcess(child) };
}
