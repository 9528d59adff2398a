import type { Outcome } from '../graph/outcome.ts';

/** One run of an operation, shared by its waiting clients. */
export interface Execution {
  readonly outcome: Promise<Outcome>;
  waiters: number;
  cancel(): void;
}

/** Lets identical concurrent queries of one principal share one run and one serialised answer. */
export class Collapse {
  readonly #running = new Map<string, Execution>();

  /** @param key identifies query and caller; starts with the project */
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

  /** After a write in a project, later queries no longer join runs that may have read the old data. */
  forget(project: string): void {
    for (const key of this.#running.keys()) {
      if (key.startsWith(`${project}/`)) this.#running.delete(key);
    }
  }
}
