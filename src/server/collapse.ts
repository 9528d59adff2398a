import type { Outcome } from '../graph/outcome.ts';

/** One run of an operation, and those who wait for it. */
export interface Execution {
  readonly outcome: Promise<Outcome>;
  /** Clients that still wait. */
  waiters: number;
  /** Stops its upstream work. */
  cancel(): void;
}

/**
 * Lets identical queries of one principal that overlap in time share one run and one serialised answer. Off by default:
 * it pays where many callers really send the same, and costs a little where they don't.
 */
export class Collapse {
  readonly #running = new Map<string, Execution>();

  /** @param key names the query and whose it is; starts with the project */
  run(key: string, begin: () => Execution): Execution {
    const known = this.#running.get(key);
    if (known) return known;
    const execution = begin();
    this.#running.set(key, execution);
    const forget = (): void => {
      if (this.#running.get(key) === execution) this.#running.delete(key);
    };
    execution.outcome.then(forget, forget);
    return execution;
  }

  /** After a write in a project its running queries may hold what was there before: nobody joins them any more. */
  forget(project: string): void {
    for (const key of this.#running.keys()) {
      if (key.startsWith(`${project}/`)) this.#running.delete(key);
    }
  }
}
