import { useSyncExternalStore } from 'react';
import type { Receipt } from './api.ts';

/** State of the last run. */
export interface Run {
  /** `stopped`: the user or a failure ended the run before the answer was complete. */
  readonly state: 'none' | 'running' | 'done' | 'stopped';
  /** Also undefined if the gateway rejected the operation before it ran. */
  readonly receipt: Receipt | undefined;
}

let run: Run = { state: 'none', receipt: undefined };
const listeners = new Set<() => void>();

/** Sets the state of the last run and notifies the components that show it. */
export function setRun(next: Run): void {
  run = next;
  for (const listener of listeners) listener();
}

/** Returns the last run of any tab. */
export function useRun(): Run {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => run,
  );
}
