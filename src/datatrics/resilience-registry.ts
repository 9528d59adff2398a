import type { Policy } from '../upstream/policy.ts';
import { Guard } from '../upstream/resilience.ts';

/** The guards of all groups of endpoints, by project, for the calls that are made with one key. */
export class Guards {
  readonly #policies: Readonly<Record<string, Policy>>;
  readonly #default: Policy;
  readonly #projects = new Map<string, Map<string, Guard>>();
  /** Projects whose guards are kept, since a caller may name any; beyond that the oldest goes. */
  maxProjects: number;

  /** @param policies by group; the others have `fallback` */
  constructor(policies: Readonly<Record<string, Policy>>, fallback: Policy, maxProjects: number) {
    this.#policies = policies;
    this.#default = fallback;
    this.maxProjects = maxProjects;
  }

  of(project: string, group: string): Guard {
    let groups = this.#projects.get(project);
    if (groups === undefined) {
      groups = new Map();
      const [oldest] = this.#projects.size < this.maxProjects ? [] : this.#projects.keys();
      if (oldest !== undefined) this.#projects.delete(oldest);
      this.#projects.set(project, groups);
    }
    let guard = groups.get(group);
    if (guard === undefined) {
      guard = new Guard(this.#policies[group] ?? this.#default);
      groups.set(group, guard);
    }
    return guard;
  }

  /** Groups whose calls are refused, and groups that are paced. */
  get state(): { readonly open: number; readonly paced: number } {
    let [open, paced] = [0, 0];
    for (const groups of this.#projects.values()) {
      for (const guard of groups.values()) {
        if (guard.isOpen) open += 1;
        if (guard.isPaced) paced += 1;
      }
    }
    return { open, paced };
  }
}
