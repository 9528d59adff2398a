import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Sandbox, startSandbox } from '../../src/sandbox/server.ts';
import { ask } from './load.ts';
import { Misbehaver } from './misbehaver.ts';

export interface GatewayProcess {
  readonly url: string;
  readonly pid: number;
  signal(name: NodeJS.Signals): void;
  /** Resolves with the exit code. */
  readonly gone: Promise<number | null>;
}

/** A gateway as a process of its own, an API behind it, and the way between them. */
export interface World {
  readonly sandbox: Sandbox;
  readonly way: Misbehaver;
  readonly gateway: GatewayProcess;
  readonly ids: readonly string[];
  close(): Promise<void>;
}

export interface WorldOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** The gateway's setting `freshness`. */
  readonly freshness?: object;
  /** Shell words before the program, as `ulimit -n 60;`. */
  readonly shell?: string;
  /** Words for node, as `--import`. */
  readonly nodeArguments?: string;
}

const RECORDS = 500;

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'chaos-'));
  const sandbox = await startSandbox({ empty: true, maxRequestLog: 10 });
  const ids = Array.from({ length: RECORDS }, (_, i) => `known-${i}`);
  for (const profileid of [...ids, 'written'])
    sandbox.store.put('profile', { profileid, source: 'Webshop', name: 'x' });
  const way = new Misbehaver(Number(new URL(sandbox.url).port));
  await way.listen();
  const config = join(folder, 'gateway.json');
  writeFileSync(config, JSON.stringify({ freshness: options.freshness ?? {} }));
  const gateway = await startGatewayProcess(options, {
    PORT: '0',
    AUTH_MODE: 'open',
    DATATRICS_URL: `http://127.0.0.1:${way.port}/2.0`,
    DATATRICS_PROJECT: sandbox.project,
    DATATRICS_API_KEY: sandbox.apiKey,
    GATEWAY_CONFIG: config,
    UPSTREAM_TIMEOUT_MS: '1000',
    OPERATION_TIMEOUT_MS: '3000',
    LOG_LEVEL: 'silent',
    ...options.env,
  });
  // Every record is known, and the process warm.
  const agent = new Agent({ keepAlive: true, maxSockets: 10 });
  await Promise.all(
    ids.map((id) => ask(gateway.url, `{ profile(profileId: "${id}", source: "Webshop") { name } }`, agent)),
  );
  agent.destroy();
  way.requests = 0;
  return {
    sandbox,
    way,
    gateway,
    ids,
    async close() {
      gateway.signal('SIGKILL');
      await gateway.gone;
      await way.close();
      await sandbox.close();
      rmSync(folder, { recursive: true });
    },
  };
}

async function startGatewayProcess(
  { shell = '', nodeArguments = '' }: WorldOptions,
  env: Record<string, string>,
): Promise<GatewayProcess> {
  const command = `${shell} exec "${process.execPath}" ${nodeArguments} src/start.js`;
  const child = spawn('sh', ['-c', command], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let stdout = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  const gone = once(child, 'exit').then(([code]) => code as number | null);
  for (let tries = 0; tries < 200 && !stdout.includes('/graphql'); tries++) await sleep(50);
  const url = /http:\S+(?=\/graphql)/.exec(stdout)?.[0];
  if (url === undefined) throw new Error('the gateway did not start');
  return { url, pid: child.pid as number, gone, signal: (name) => void child.kill(name) };
}
