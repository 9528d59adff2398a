import { LRUCache } from 'lru-cache';
import type { Party } from '../lib/fair-queue.ts';
import type { Policy } from '../upstream/policy.ts';
import { ResilienceRegistry } from './resilience-registry.ts';

/**
 * - `everybody`: callers are not told apart
 * - `one-key`: callers are told apart here; upstream all have the gateway's own key
 * - `own-keys`: each caller brings a key of its own
 */
export type CallerKind = 'everybody' | 'one-key' | 'own-keys';

/** Callers with an accepted key that are remembered. */
const MAX_ACCEPTED = 100_000;
/** Callers whose key the upstream has not accepted: anyone can invent them. */
const MAX_STRANGERS = 1_000;
/** Projects whose circuit breakers are kept for one caller; those of a stranger may be invented. */
const PROJECTS = 100;
const STRANGERS_PROJECTS = 2;
/** Actions that wait for a key to be accepted. */
const MAX_DEFERRED = 20;

/** All that the gateway keeps about one caller between operations: the fairness of shared resources goes by it. */
export class Caller implements Party {
  readonly isEverybody: boolean;
  /** How the upstream treats the key that this caller's calls are made with. */
  readonly resilience: ResilienceRegistry;
  #isAccepted: boolean;
  #deferred: (() => void)[] = [];

  constructor(kind: CallerKind, resilience: ResilienceRegistry) {
    this.isEverybody = kind === 'everybody';
    this.resilience = resilience;
    this.#isAccepted = kind !== 'own-keys';
  }

  /** Whether the upstream has answered a call with this caller's key as it only answers to a valid one. */
  get isAccepted(): boolean {
    return this.#isAccepted;
  }

  accept(): void {
    if (this.#isAccepted) return;
    this.#isAccepted = true;
    this.resilience.maxProjects = PROJECTS;
    for (const act of this.#deferred) act();
    this.#deferred = [];
  }

  /** Acts now, or once the key is accepted: a stranger must not undo what others share. */
  whenAccepted<T>(act: () => T): T | undefined {
    if (this.#isAccepted) return act();
    if (this.#deferred.length < MAX_DEFERRED) this.#deferred.push(act);
    return undefined;
  }
}

/**
 * The callers of a gateway, by id. Both tables are bounded, and only a caller whose key the upstream accepted has a place in
 * the larger one: no number of invented keys evicts it.
 */
export class Callers {
  readonly #kind: CallerKind;
  readonly #newRegistry: (maxProjects: number) => ResilienceRegistry;
  /** Of all callers that use the gateway's own key. */
  readonly #shared: ResilienceRegistry;
  readonly #everybody: Caller;
  // A size of 1 each rather than `max`, which takes the memory for all of them at once.
  readonly #accepted = new LRUCache<string, Caller>({ maxSize: MAX_ACCEPTED, sizeCalculation: () => 1 });
  readonly #strangers = new LRUCache<string, Caller>({ maxSize: MAX_STRANGERS, sizeCalculation: () => 1 });

  /** @param policies by group of endpoints; the others have `fallback` */
  constructor(kind: CallerKind, policies: Readonly<Record<string, Policy>>, fallback: Policy) {
    this.#kind = kind;
    this.#newRegistry = (maxProjects) => new ResilienceRegistry(policies, fallback, maxProjects);
    this.#shared = this.#newRegistry(Number.POSITIVE_INFINITY);
    this.#everybody = new Caller('everybody', this.#shared);
  }

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

  /** Groups of endpoints whose calls are refused, and groups that are paced. */
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
