import type { Staleness } from '../upstream/freshness.ts';
import type { Operation } from '../upstream/operation.ts';
import type { BoundClient } from './client.ts';
import { ENDPOINTS, type EndpointFor, labelOf } from './endpoints.ts';
import type { ReadJson } from './json-selection.ts';
import type { CallArgs } from './paths.ts';
import type { Page } from './responses.ts';
import { stalenessOf } from './staleness.ts';

/** Reads pages of lists for one operation, each distinct page once. */
export class PageLoader {
  readonly #client: BoundClient;
  readonly #operation: Operation;
  readonly #project: string;
  readonly #pages = new Map<string, Promise<Page>>();

  constructor(client: BoundClient, operation: Operation, project: string) {
    this.#client = client;
    this.#operation = operation;
    this.#project = project;
  }

  /** @param readJson parses the selected parts of the answer. Default: all of it */
  load(name: EndpointFor<'list'>, args: CallArgs, readJson?: ReadJson): Promise<Page> {
    const key = JSON.stringify([name, args]);
    const known = this.#pages.get(key);
    if (known) {
      this.#operation.usage.deduped += 1;
      this.#operation.trace?.join(labelOf(ENDPOINTS[name]), known);
      return known;
    }
    const page = this.#client.read(name, args, readJson);
    this.#pages.set(key, page);
    return page;
  }

  /** How the answer with this page was stale; undefined if it was fresh. */
  staleness(name: EndpointFor<'list'>, args: CallArgs): Staleness | undefined {
    return stalenessOf(this.#operation, this.#project, name, args);
  }

  /** Forgets all pages: the next `load` calls the API again. */
  clear(): void {
    this.#pages.clear();
  }
}
