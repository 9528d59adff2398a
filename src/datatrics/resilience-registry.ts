import type { Policy } from '../upstream/policy.ts';
import { Resilience } from '../upstream/resilience.ts';

/** Circuit breakers, rate controllers and retry budgets by project and group of endpoints, for the calls with one key. */
export class ResilienceRegistry {
  readonly #policies: Readonly<Record<string, Policy>>;
  readonly #default: Policy;
  readonly #projects = new Map<string, Map<string, Resilience>>();
  /** Projects that are kept, since a caller may name any number; beyond that the oldest is removed. */
  maxProjects: number;

  /** @param policies by group; the others have `fallback` */
  constructor(policies: Readonly<Record<string, Policy>>, fallback: Policy, maxProjects: number) {
    this.#policies = policies;
    this.#default = fallback;
    this.maxProjects = maxProjects;
  }

  of(project: string, group: string): Resilience {
    let groups = this.#projects.get(project);
    if (groups === undefined) {
      groups = new Map();
      const [oldest] = this.#projects.size < this.maxProjects ? [] : this.#projects.keys();
      if (oldest !== undefined) this.#projects.delete(oldest);
      this.#projects.set(project, groups);
    }
    let resilience = groups.get(group);
    if (resilience === undefined) {
      resilience = new Resilience(this.#policies[group] ?? this.#default);
      groups.set(group, resilience);
    }
    return resilience;
  }

  /** Groups whose circuit breaker is open, and groups whose rate is limited. */
  get state(): { readonly open: number; readonly paced: number } {
    let [open, paced] = [0, 0];
    for (const groups of this.#projects.values()) {
      for (const { breaker, rate } of groups.values()) {
        if (breaker.isOpen) open += 1;
        if (rate.isLimiting) paced += 1;
      }
    }
    return { open, paced };
  }
}
