import { LRUCache } from 'lru-cache';
import type { Party } from '../lib/fair-queue.ts';
import { type CallPolicy, Resilience } from '../upstream/resilience.ts';
import type { Endpoint, Resource } from './endpoints.ts';

/**
 * How the gateway distinguishes callers:
 *
 * - `everybody`: not at all
 * - `one-key`: by their id; all calls to the API have the gateway's own key
 * - `own-keys`: by their id; each caller has an API key of its own
 */
export type CallerKind = 'everybody' | 'one-key' | 'own-keys';

/** Most callers that are kept, with an accepted key and without. Anyone can invent keys. */
const MAX_ACCEPTED = 100_000;
const MAX_STRANGERS = 1_000;
/** Most projects whose circuit breakers are kept for one caller. A stranger may invent projects. */
const PROJECTS = 100;
const STRANGERS_PROJECTS = 2;
/** Most actions of one caller that wait until its key is accepted. */
const MAX_DEFERRED = 20;

/** Time-outs and retries by resource. The others have defaults. */
export type Policies = Readonly<Partial<Record<Resource, CallPolicy>>>;

/** Circuit breakers, rate controllers and retry budgets by project and group of endpoints, for the calls with one key. */
export class ResilienceRegistry {
  readonly #policies: Policies;
  readonly #projects = new Map<string, Map<string, Resilience>>();
  /** Projects that are kept, since a caller may name any number; beyond that the oldest is removed. */
  maxProjects: number;

  constructor(policies: Policies, maxProjects: number) {
    this.#policies = policies;
    this.maxProjects = maxProjects;
  }

  of(project: string, { resource, group }: Pick<Endpoint, 'resource' | 'group'>): Resilience {
    let groups = this.#projects.get(project);
    if (groups === undefined) {
      const [oldest] = this.#projects.size < this.maxProjects ? [] : this.#projects.keys();
      if (oldest !== undefined) this.#projects.delete(oldest);
      groups = new Map();
      this.#projects.set(project, groups);
    }
    let resilience = groups.get(group);
    if (resilience === undefined) {
      resilience = new Resilience(this.#policies[resource]);
      groups.set(group, resilience);
    }
    return resilience;
  }

  values(): Resilience[] {
    return [...this.#projects.values()].flatMap((groups) => [...groups.values()]);
  }
}

/** The state of one caller between operations. Shared resources are divided fairly between callers. */
export class Caller implements Party {
  readonly isEverybody: boolean;
  readonly resilience: ResilienceRegistry;
  #isAccepted: boolean;
  #deferred: (() => void)[] = [];

  constructor(kind: CallerKind, resilience: ResilienceRegistry) {
    this.isEverybody = kind === 'everybody';
    this.resilience = resilience;
    this.#isAccepted = kind !== 'own-keys';
  }

  /** Whether the API has accepted this caller's key: it gave an answer that only a valid key gets. */
  get isAccepted(): boolean {
    return this.#isAccepted;
  }

  accept(): void {
    if (this.#isAccepted) return;
    this.#isAccepted = true;
    this.resilience.maxProjects = PROJECTS;
    for (const action of this.#deferred) action();
    this.#deferred = [];
  }

  /**
   * Runs the action, and returns its result. Until the key is accepted, the action waits: a caller with an invented key must
   * not change shared state.
   */
  whenAccepted<T>(action: () => T): T | undefined {
    if (this.#isAccepted) return action();
    if (this.#deferred.length < MAX_DEFERRED) this.#deferred.push(action);
    return undefined;
  }
}

/** The gateway's callers, by id. Only callers with an accepted key are in the larger table: invented keys cannot evict them. */
export class Callers {
  readonly #kind: CallerKind;
  readonly #policies: Policies;
  readonly #shared: ResilienceRegistry;
  readonly #everybody: Caller;
  // `maxSize` with a size of 1 per entry, because `max` allocates the memory of all entries at once.
  readonly #accepted = new LRUCache<string, Caller>({ maxSize: MAX_ACCEPTED, sizeCalculation: () => 1 });
  readonly #strangers = new LRUCache<string, Caller>({ maxSize: MAX_STRANGERS, sizeCalculation: () => 1 });

  constructor(kind: CallerKind, policies: Policies = {}) {
    this.#kind = kind;
    this.#policies = policies;
    this.#shared = new ResilienceRegistry(policies, Number.POSITIVE_INFINITY);
    this.#everybody = new Caller('everybody', this.#shared);
  }

  of(id: string): Caller {
    const kind = this.#kind;
    if (kind === 'everybody') return this.#everybody;
    const known = this.#accepted.get(id);
    if (known) return known;
    const registry = kind === 'own-keys' ? undefined : this.#shared;
    const caller =
      this.#strangers.get(id) ??
      new Caller(kind, registry ?? new ResilienceRegistry(this.#policies, STRANGERS_PROJECTS));
    if (caller.isAccepted) this.#strangers.delete(id);
    (caller.isAccepted ? this.#accepted : this.#strangers).set(id, caller);
    return caller;
  }

  /** Number of groups of endpoints whose circuit breaker is open, and of groups that are paced. */
  get guarded(): { readonly open: number; readonly paced: number } {
    const own = this.#kind === 'own-keys' ? [...this.#accepted.values(), ...this.#strangers.values()] : [];
    const groups = [this.#shared, ...own.map(({ resilience }) => resilience)].flatMap((registry) => registry.values());
    return {
      open: groups.filter(({ breaker }) => breaker.isOpen).length,
      paced: groups.filter(({ rate }) => rate.isLimiting).length,
    };
  }
}
