import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stopProcess } from './process.ts';

/** ms: short against a second, so that a process is slowed rather than stopped and started. */
const PERIOD_MS = 20;

/** A bound on a process's share of a core. */
export interface Share {
  /** `cgroup` or `cpulimit`. */
  readonly by: string;
  /** To be called when the process has ended. */
  release(): Promise<void>;
}

/**
 * Bounds what a process gets of a core: by a control group of its own where this user may make one (version 1 or 2), else
 * by cpulimit, which stops and continues the process.
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

/** The folder of the new group, or undefined where none can be made. */
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
