import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stopProcess } from './process.ts';

/** Scheduling period in ms. Short, so that a process runs slower instead of in bursts. */
const PERIOD_MS = 20;

/** A limit on a process's share of a core. */
export interface Share {
  /** `cgroup` or `cpulimit`. */
  readonly by: string;
  /** Removes the limit. Call it after the process has ended. */
  release(): Promise<void>;
}

/**
 * Limits the CPU share of a process with a control group (version 1 or 2). Without permission for one, it uses cpulimit,
 * which stops and continues the process.
 *
 * @param share 0.25 for a quarter of a core
 */
export async function limitShare(pid: number, share: number): Promise<Share> {
  const group = makeGroup(pid, share);
  if (group) return { by: 'cgroup', release: async () => rmdirSync(group) };
  const limiter: ChildProcess = spawn('cpulimit', ['-p', String(pid), '-l', String(share * 100), '-z'], {
    stdio: 'ignore',
  });
  await new Promise((resolve, reject) => {
    limiter.once('spawn', resolve);
    limiter.once('error', reject);
  });
  return { by: 'cpulimit', release: () => stopProcess(limiter) };
}

/** Creates a control group. Returns its folder, or undefined without permission. */
function makeGroup(pid: number, share: number): string | undefined {
  const [period, quota] = [PERIOD_MS * 1_000, Math.round(PERIOD_MS * 1_000 * share)];
  const first = '/sys/fs/cgroup/cpu';
  const second = '/sys/fs/cgroup';
  const [root, limits]: [string, Record<string, string>] = existsSync(join(first, 'cpu.cfs_quota_us'))
    ? [first, { 'cpu.cfs_period_us': String(period), 'cpu.cfs_quota_us': String(quota) }]
    : [second, { 'cpu.max': `${quota} ${period}` }];
  const folder = join(root, `gateway-bench-${pid}`);
  try {
    mkdirSync(folder);
    for (const [file, value] of Object.entries(limits)) writeFileSync(join(folder, file), value);
    writeFileSync(join(folder, 'cgroup.procs'), String(pid));
    return folder;
  } catch {
    if (existsSync(folder)) rmdirSync(folder);
    return undefined;
  }
}
