import { LRUCache } from 'lru-cache';
import type { Principal } from '../auth/principal.ts';
import { GatewayError } from '../lib/error.ts';
import type { Operation } from '../upstream/operation.ts';
import type { PageSizes } from './page-caps.ts';

/** `auto`: probe the API once per project; `on`: assume that it filters; `off`: never filter. */
export type FilterMode = 'auto' | 'on' | 'off';

/** Most projects in the tables. With `passthrough` a caller may name any project, so memory needs a bound. */
const MAX_PROJECTS = 1_000;
/** Short, because a list that shrank between two calls can look like a cap on the page size. */
const PAGE_SIZE_TTL_MS = 5 * 60_000;
const UNFILTERABLE_TTL_MS = 10 * 60_000;
/** Least number of rows without a match that counts as evidence. A single odd row proves nothing about the API. */
const MIN_MISMATCHES = 2;

/** What the API's answers showed about its undocumented features. It holds no data of any caller. */
export class Capabilities {
  readonly #filterable: LRUCache<string, boolean>;
  readonly #probes = new Map<string, Promise<boolean>>();
  readonly #unfilterable: LRUCache<string, true>;
  readonly #batches: LRUCache<string, boolean>;
  readonly #pageSizes: LRUCache<string, { readonly cap: number; readonly largest: number }>;

  /** @param projects most projects in the tables, whose memory is allocated at once */
  constructor(projects = MAX_PROJECTS) {
    this.#filterable = new LRUCache({ max: projects });
    this.#unfilterable = new LRUCache({ maxSize: projects * 20, sizeCalculation: () => 1, ttl: UNFILTERABLE_TTL_MS });
    this.#batches = new LRUCache({ max: projects * 4 });
    this.#pageSizes = new LRUCache({ max: projects * 4, ttl: PAGE_SIZE_TTL_MS });
  }

  /**
   * Whether the project's lists can be filtered. The result of a probe holds for the project: true until the process ends,
   * false for 10 minutes. Operations of one principal share a running probe. If it fails, each operation sends its own,
   * because the failure may concern one list only.
   */
  async isFilterable(
    { project, shareKey }: Principal,
    operation: Operation,
    probe: () => Promise<boolean>,
  ): Promise<boolean> {
    const known = this.#filterable.get(project);
    if (known !== undefined) return known;
    const running = this.#probes.get(shareKey);
    const shared = running && (await operation.until(running.catch(() => undefined)));
    if (shared !== undefined) return shared;
    const sent = probe();
    this.#probes.set(shareKey, sent);
    try {
      const works = await sent;
      this.#filterable.set(project, works, works ? {} : { ttl: UNFILTERABLE_TTL_MS });
      return works;
    } finally {
      if (this.#probes.get(shareKey) === sent) this.#probes.delete(shareKey);
    }
  }

  /** @throws GatewayError `UPSTREAM_UNSUPPORTED` if the API has ignored this filter of the list recently */
  checkFilter({ shareKey }: Principal, list: string, field: string): void {
    if (this.#unfilterable.has(`${shareKey} ${list} ${field}`)) throw unsupportedFilter(list, field);
  }

  /**
   * Records how many rows of a page do not match a filter. If more than half do not match, `checkFilter` rejects the filter
   * for 10 minutes. This holds for this principal only: a caller chooses the value, and so may cause mismatches.
   */
  noteMismatches({ shareKey }: Principal, list: string, field: string, mismatches: number, rows: number): void {
    if (mismatches >= MIN_MISMATCHES && mismatches * 2 > rows) {
      this.#unfilterable.set(`${shareKey} ${list} ${field}`, true);
    }
  }

  /** Whether one list call can read several records of a resource by id; undefined if unknown. */
  batches(project: string, resource: string): boolean | undefined {
    return this.#batches.get(`${project} ${resource}`);
  }

  setBatches(project: string, resource: string, works: boolean): void {
    this.#batches.set(`${project} ${resource}`, works);
  }

  pageSizes(project: string, list: string, limit: number): PageSizes {
    const key = `${project} ${list}`;
    const known = () => this.#pageSizes.get(key) ?? { cap: limit, largest: 0 };
    return {
      max: () => Math.min(limit, known().cap),
      largestSeen: () => known().largest,
      noteCap: (rows) => this.#pageSizes.set(key, { cap: Math.min(rows, known().cap), largest: rows }),
      // A page that is larger than the cap disproves it.
      notePage: (rows) => rows > known().largest && this.#pageSizes.set(key, { cap: limit, largest: rows }),
    };
  }
}

/** The error for a filter that the API ignores, and for a page with rows that do not match. */
export function unsupportedFilter(list: string, field: string): GatewayError {
  return new GatewayError(
    'UPSTREAM_UNSUPPORTED',
    `The Datatrics API does not filter the ${list} of this project by ${field} and this value. Remove the filter, or use another value.`,
  );
}
