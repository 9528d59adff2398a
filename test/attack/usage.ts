import { readFileSync, writeFileSync } from 'node:fs';

/** Ticks per second in /proc/<pid>/stat: the same on every Linux that Node runs on. */
const TICKS = 100;

/** What a process has used so far. */
export interface Usage {
  /** CPU time of the main thread, on which the event loop runs, in ms. */
  readonly mainMs: number;
  /** CPU time of all threads together, in ms. */
  readonly allMs: number;
}

/** @throws Error when the process is gone */
export function usageOf(pid: number): Usage {
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

/** @throws Error where these figures are not to be had */
export function requireLinux(): void {
  if (process.platform !== 'linux') {
    throw new Error(`CPU time and memory are read from /proc, which only Linux has; this is ${process.platform}.`);
  }
}
