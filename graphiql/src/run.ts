import { useSyncExternalStore } from 'react';
import type { Receipt } from './api.ts';

/** What is known of the last run. */
export interface Run {
  /** `stopped`: by the user or a failure, before the answer had ended. */
  readonly state: 'none' | 'running' | 'done' | 'stopped';
  /** Undefined as well when the operation was refused before it ran. */
  readonly receipt: Receipt | undefined;
}

let run: Run = { state: 'none', receipt: undefined };
const listeners = new Set<() => void>();

/** Notes what became of a run; whoever shows it is told. */
export function setRun(next: Run): void {
  run = next;
  for (const listener of listeners) listener();
}

/** The last run, of whichever tab. */
export function useRun(): Run {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => run,
  );
}
