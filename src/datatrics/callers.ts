import { LRUCache } from 'lru-cache';
import type { Party } from '../lib/fair-queue.ts';
import type { Policy } from '../upstream/policy.ts';
import { ResilienceRegistry } from './resilience-registry.ts';

/**
 * How the gateway distinguishes callers:
 *
 * - `everybody`: not at all
 * - `one-key`: by their id; all calls to the API have the gateway's own key
 * - `own-keys`: by their id; each caller has an API key of its own
 */
export type CallerKind = 'everybody' | 'one-key' | 'own-keys';

/** Most callers with an accepted key that are kept. */
const MAX_ACCEPTED = 100_000;
/** Most callers without an accepted key that are kept. Anyone can invent such keys. */
const MAX_STRANGERS = 1_000;
/** Most projects whose circuit breakers are kept for one caller. A stranger may invent projects. */
const PROJECTS = 100;
const STRANGERS_PROJECTS = 2;
/** Most actions of one caller that wait until its key is accepted. */
const MAX_DEFERRED = 20;

/** The state of one caller between operations. Shared resources are divided fairly between callers. */
export class Caller implements Party {
  readonly isEverybody: boolean;
  /** Circuit breakers and pacing for the API key of this caller. */
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

  /** Marks the key as accepted, and runs the deferred actions. */
  accept(): void {
    if (this.#isAccepted) return;
    this.#isAccepted = true;
    this.resilience.maxProjects = PROJECTS;
    for (const action of this.#deferred) action();
    this.#deferred = [];
  }

  /**
   * Runs the action now if the key is accepted, otherwise when it becomes accepted. A caller with an invented key must not
   * change shared state.
   *
   * @returns the action's result; undefined if it was deferred
   */
  whenAccepted<T>(action: () => T): T | undefined {
    if (this.#isAccepted) return action();
    if (this.#deferred.length < MAX_DEFERRED) this.#deferred.push(action);
    return undefined;
  }
}

/**
 * The gateway's callers, by id. Both tables are bounded. Only callers with an accepted key are in the larger table, so that
 * invented keys cannot evict them.
 */
export class Callers {
  readonly #kind: CallerKind;
  readonly #newRegistry: (maxProjects: number) => ResilienceRegistry;
  /** Shared by all callers that use the gateway's own key. */
  readonly #shared: ResilienceRegistry;
  readonly #everybody: Caller;
  // `maxSize` with a size of 1 per entry, because `max` allocates the memory of all entries at once.
  readonly #accepted = new LRUCache<string, Caller>({ maxSize: MAX_ACCEPTED, sizeCalculation: () => 1 });
  readonly #strangers = new LRUCache<string, Caller>({ maxSize: MAX_STRANGERS, sizeCalculation: () => 1 });

  /**
   * @param policies by group of endpoints
   * @param fallback policy of the other groups
   */
  constructor(kind: CallerKind, policies: Readonly<Record<string, Policy>>, fallback: Policy) {
    this.#kind = kind;
    this.#newRegistry = (maxProjects) => new ResilienceRegistry(policies, fallback, maxProjects);
    this.#shared = this.#newRegistry(Number.POSITIVE_INFINITY);
    this.#everybody = new Caller('everybody', this.#shared);
  }

  /** The caller with this id; created if unknown. */
  of(id: string): Caller {
    if (this.#kind === 'everybody') return this.#everybody;
    const known = this.#accepted.get(id);
    if (known) return known;
    let caller = this.#strangers.get(id);
    if (caller === undefined) {
      caller = new Caller(this.#kind, this.#kind === 'own-keys' ? this.#newRegistry(STRANGERS_PROJECTS) : this.#shared);
      if (!caller.isAccepted) this.#strangers.set(id, caller);
    }
    if (caller.isAccepted) {
      this.#strangers.delete(id);
      this.#accepted.set(id, caller);
    }
    return caller;
  }

  /** Number of groups of endpoints whose circuit breaker is open, and of groups that are paced. */
  get guarded(): { readonly open: number; readonly paced: number } {
    let { open, paced } = this.#shared.state;
    if (this.#kind !== 'own-keys') return { open, paced };
    for (const table of [this.#accepted, this.#strangers]) {
      for (const { resilience } of table.values()) {
        const { state } = resilience;
        open += state.open;
        paced += state.paced;
      }
    }
    return { open, paced };
  }
}
