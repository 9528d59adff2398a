import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeFixtures, STANDARD_SIZE } from './fixtures.ts';
import { runLoad } from './load.ts';
import { median } from './measure.ts';
import { readOptions } from './options.ts';
import { cpuMs, freePort, LOAD_CORE, startPinned, stopProcess } from './process.ts';
import { limitShare, type Share } from './share.ts';
import type { Running } from './system.ts';
import { startGateway } from './systems.ts';
import { startUpstream } from './upstream.ts';
import { makeWorkloads } from './workloads.ts';

/**
 * Compares the rate of two instances with that of one: `npm run bench:instances`. Each instance has a quarter of a core and
 * shares its rate limits in one Redis. The load alternates between one and both.
 */
const values = readOptions('Compares the rate of two instances with that of one. Each has a quarter of a core.', {
  rounds: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '4' },
  share: { type: 'string', default: '0.25' },
  workloads: { type: 'string', default: 'Q1,Q4' },
  connections: { type: 'string', default: '25' },
});
const share = Number(values.share);
const seconds = Number(values.seconds);

const fixtures = makeFixtures(STANDARD_SIZE);
const upstream = await startUpstream(fixtures);
const redisPort = await freePort();
const redis = startPinned(LOAD_CORE, [
  'redis-server',
  '--port',
  String(redisPort),
  '--bind',
  '127.0.0.1',
  '--save',
  '',
]);
const settings = { REDIS_URL: `redis://127.0.0.1:${redisPort}`, RATE_LIMIT: '60000000r,60000000c', LOG_LEVEL: 'info' };
const place = { upstream: upstream.origin, connections: 64, fixtures };
const instances: Running[] = [];
const shares: Share[] = [];
const folder = await mkdtemp(join(tmpdir(), 'gateway-bench-bodies-'));

/** Loads instances over separate connections. Returns their operations per second and their share of a core, as sums. */
async function rateOf(bodies: string, loaded: readonly Running[]): Promise<{ rate: number; cores: number }> {
  const cpu = (): number => loaded.reduce((sum, { pid }) => sum + cpuMs(pid), 0);
  const before = cpu();
  const loads = await Promise.all(
    loaded.map((running, index) => runLoad(running.url(''), bodies, Number(values.connections), seconds, index * 100)),
  );
  const errors = loads.reduce((sum, it) => sum + it.socketErrors + it.timeouts + it.statusErrors, 0);
  if (errors > 0) throw new Error(`${errors} requests failed`);
  return {
    rate: loads.reduce((sum, load) => sum + load.requests / load.seconds, 0),
    cores: (cpu() - before) / (seconds * 1_000),
  };
}

try {
  for (let i = 0; i < 2; i++) instances.push(await startGateway(place, settings));
  const workloads = makeWorkloads(fixtures).filter(({ name }) => values.workloads.split(',').includes(name));
  const files = new Map<string, string>();
  for (const { name, operations } of workloads) {
    files.set(name, join(folder, name));
    await writeFile(join(folder, name), operations.map(({ body }) => body).join('\n'));
    // Warms up before the CPU limit, which would slow down compilation.
    await rateOf(join(folder, name), instances);
  }
  for (const { pid } of instances) shares.push(await limitShare(pid, share));
  for (const [name, bodies] of files) {
    const rounds: { one: number; two: number; ratio: number }[] = [];
    for (let i = 0; i < Number(values.rounds); i++) {
      const [first, second] = i % 2 === 0 ? [0, 1] : [1, 0];
      const one = await rateOf(bodies, [instances[first] as Running]);
      const two = await rateOf(bodies, instances);
      const other = await rateOf(bodies, [instances[second] as Running]);
      const alone = (one.rate + other.rate) / 2;
      rounds.push({ one: alone, two: two.rate, ratio: two.rate / alone });
      console.log(
        `${name}: one ${alone.toFixed(0)}/s with ${one.cores.toFixed(2)} of a core, two ${two.rate.toFixed(0)}/s with ${two.cores.toFixed(2)}: × ${(two.rate / alone).toFixed(2)}`,
      );
    }
    const middle = (key: 'one' | 'two' | 'ratio'): number => median(rounds.map((it) => it[key]));
    console.log(
      `${name}, by ${shares[0]?.by}: one instance with ${share} of a core ${middle('one').toFixed(0)}/s, two ${middle('two').toFixed(0)}/s, × ${middle('ratio').toFixed(2)}`,
    );
  }
} finally {
  for (const running of instances) await running.stop();
  for (const it of shares) await it.release();
  await stopProcess(redis);
  await upstream.stop();
  await rm(folder, { recursive: true, force: true });
}
