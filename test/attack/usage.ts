import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Ticks per second in /proc/<pid>/stat: the same on every Linux that Node runs on. */
const TICKS = 100;

/** CPU time of a process in ms: of the main thread, on which the event loop runs, and of all threads. */
export function usageOf(pid: number): { readonly mainMs: number; readonly allMs: number } {
  return { mainMs: cpuMs(`/proc/${pid}/task/${pid}/stat`), allMs: cpuMs(`/proc/${pid}/stat`) };
}

function cpuMs(path: string): number {
  const stat = readFileSync(path, 'utf8');
  // The name, in parentheses, may hold spaces.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS;
}

/** Resident memory of a process in MB: now, and at most since `resetPeak`. */
export function memoryOf(pid: number): { readonly nowMb: number; readonly peakMb: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mb = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1_024;
  return { nowMb: mb('VmRSS'), peakMb: mb('VmHWM') };
}

/** Starts the peak of a process anew: see `clear_refs` in https://man7.org/linux/man-pages/man5/proc_pid_clear_refs.5.html */
export function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/**
 * Limits memory by a control group (version 1 or 2). The kernel ends a process that needs more.
 *
 * @param mb MiB of the processes together
 * @returns the command in front of a program's own, which limits it from its first byte on
 * @throws Error without permission for a control group
 */
export function limitMemory(mb: number): { readonly launcher: readonly string[]; release(): void } {
  const first = '/sys/fs/cgroup/memory';
  const [root, file] = existsSync(first) ? [first, 'memory.limit_in_bytes'] : ['/sys/fs/cgroup', 'memory.max'];
  const folder = join(root, `gateway-attack-${process.pid}`);
  try {
    mkdirSync(folder);
    writeFileSync(join(folder, file), String(mb * 1_024 * 1_024));
  } catch (error) {
    if (existsSync(folder)) rmdirSync(folder);
    throw new Error(`--memory needs permission for a control group: ${(error as Error).message}`);
  }
  return {
    launcher: ['sh', '-c', 'echo $$ > "$0/cgroup.procs" && exec "$@"', folder],
    release: () => rmdirSync(folder),
  };
}
