import { useGraphiQL } from '@graphiql/react';
import { useSyncExternalStore } from 'react';
import type { AnswerFacts, Receipt } from './api.ts';

/** State of a tab's last run. */
export interface Run {
  /** `stopped`: the user or a failure ended the run before the answer was complete. */
  readonly state: 'none' | 'running' | 'done' | 'stopped';
  /** Name of the operation. */
  readonly operation: string;
  /** Also undefined if the gateway rejected the operation before it ran. */
  readonly receipt: Receipt | undefined;
  /** Undefined until the gateway answers. */
  readonly answer: AnswerFacts | undefined;
}

const NONE: Run = { state: 'none', operation: '', receipt: undefined, answer: undefined };

/** Last runs by tab id. */
const runs = new Map<string, Run>();
const listeners = new Set<() => void>();
let openTab = '';

/** Notes the open tab: the next run belongs to it. */
export function setOpenTab(id: string): void {
  openTab = id;
}

/** Starts a run in the open tab. Returns a function that changes this run, and that ignores changes after the next start. */
export function startRun(operation: string): (change: Partial<Run>) => void {
  const tab = openTab;
  let run: Run = { ...NONE, state: 'running', operation };
  const show = (): void => {
    runs.set(tab, run);
    for (const listener of listeners) listener();
  };
  show();
  return (change) => {
    if (runs.get(tab) !== run) return;
    run = { ...run, ...change };
    show();
  };
}

/** Returns the last run of the open tab. */
export function useRun(): Run {
  const tab = useGraphiQL(({ tabs, activeTabIndex }) => tabs[activeTabIndex]?.id ?? '');
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => runs.get(tab) ?? NONE,
  );
}
