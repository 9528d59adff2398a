import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSandbox } from '../../src/sandbox/server.ts';
import { settingsOf } from '../helpers/config.ts';
import { startInstance } from '../helpers/instance.ts';
import { ask } from './load.ts';
import { Misbehaver } from './misbehaver.ts';

export interface WorldOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** The gateway's setting `freshness`. */
  readonly freshness?: object;
  /** Command in front of node. */
  readonly launcher?: readonly string[];
  /** Flags of node. */
  readonly flags?: readonly string[];
}

export type World = Awaited<ReturnType<typeof startWorld>>;

const RECORDS = 500;

/** A gateway as a process of its own, an API behind it, and the way between them. */
export async function startWorld({ env, freshness = {}, launcher, flags }: WorldOptions = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'chaos-'));
  const sandbox = await startSandbox({ empty: true, maxRequestLog: 10 });
  const ids = Array.from({ length: RECORDS }, (_, i) => `known-${i}`);
  for (const profileid of [...ids, 'written'])
    sandbox.store.put('profile', { profileid, source: 'Webshop', name: 'x' });
  const way = new Misbehaver(Number(new URL(sandbox.url).port));
  await way.listen();
  const config = join(folder, 'gateway.json');
  writeFileSync(config, JSON.stringify({ freshness }));
  const settings = {
    ...settingsOf(`http://127.0.0.1:${way.port}/2.0`, sandbox.project, sandbox.apiKey),
    GATEWAY_CONFIG: config,
    UPSTREAM_TIMEOUT_MS: '1000',
    OPERATION_TIMEOUT_MS: '3000',
    LOG_LEVEL: 'silent',
    ...env,
  };
  const gateway = await startInstance(settings, flags, launcher);
  // Every record is known, and the process warm.
  const unread = ids.values();
  const read = async (): Promise<void> => {
    for (const id of unread) await ask(gateway.url, `{ profile(profileId: "${id}", source: "Webshop") { name } }`);
  };
  await Promise.all(Array.from({ length: 10 }, read));
  way.requests = 0;
  return {
    sandbox,
    way,
    gateway,
    ids,
    async close() {
      await gateway.kill();
      await way.close();
      await sandbox.close();
      rmSync(folder, { recursive: true });
    },
  };
}
