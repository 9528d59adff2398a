import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A limit on the memory of the processes that its launcher starts. */
export interface MemoryLimit {
  /** Command in front of a program's own: the program is limited from its first byte on, as in a container. */
  readonly launcher: readonly string[];
  /** Removes the limit. Call it when the processes have ended. */
  release(): void;
}

/**
 * Limits memory by a control group (version 1 or 2). The kernel ends a process that needs more.
 *
 * @param mb MiB of the processes together
 * @throws Error without permission for a control group
 */
export function limitMemory(mb: number): MemoryLimit {
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
