import { LRUCache } from 'lru-cache';
import type { Principal } from '../auth/principal.ts';
import { GatewayError } from '../lib/error.ts';
import type { PageSizes } from './page-size.ts';

/** `auto`: probe the API once per project; `on`: assume that it filters; `off`: never filter. */
export type FilterMode = 'auto' | 'on' | 'off';

/** Projects that are remembered: a bound, since in `passthrough` a caller may name any project. */
const MAX_PROJECTS = 1_000;
/** ms for which a cap on page sizes is believed: a list that shrank between two calls may have looked like one. */
const PAGE_SIZE_TTL_MS = 5 * 60_000;
/** ms for which the API is taken not to filter. */
const UNFILTERABLE_TTL_MS = 10 * 60_000;
/** Rows that do not match, at least, before a page is evidence: one odd row says nothing of the API. */
const MIN_MISMATCHES = 2;

/**
 * What the answers of the API showed about its undocumented features: whether a project's lists can be filtered, whether
 * many records come in one call, and how large pages get. It holds no data of any caller, and is lost with the process.
 */
export class Capabilities {
  readonly #filterable: LRUCache<string, boolean>;
  readonly #probes = new Map<string, Promise<boolean>>();
  readonly #unfilterable: LRUCache<string, true>;
  readonly #batches: LRUCache<string, boolean>;
  readonly #caps: LRUCache<string, number>;
  readonly #proven: LRUCache<string, number>;

  /** @param projects that are remembered; memory for all of them is allocated at once */
  constructor(projects = MAX_PROJECTS) {
    this.#filterable = new LRUCache({ max: projects });
    this.#unfilterable = new LRUCache({ maxSize: projects * 20, sizeCalculation: () => 1, ttl: UNFILTERABLE_TTL_MS });
    this.#batches = new LRUCache({ max: projects * 4 });
    this.#caps = new LRUCache({ max: projects * 4, ttl: PAGE_SIZE_TTL_MS });
    this.#proven = new LRUCache({ max: projects * 4, ttl: PAGE_SIZE_TTL_MS });
  }

  /**
   * Whether the project's lists can be filtered. A project is probed once: a positive answer holds for good, a negative one
   * for 10 minutes. Operations of one principal share a probe under way. A probe that failed is no answer, and says nothing
   * of another list: then each operation sends its own, of which equal ones share a call.
   *
   * @param wait waits for another operation's probe, no longer than the waiting operation lasts
   */
  async isFilterable(
    { project, shareKey }: Principal,
    wait: <T>(probe: Promise<T>) => Promise<T>,
    probe: () => Promise<boolean>,
  ): Promise<boolean> {
    const known = this.#filterable.get(project);
    if (known !== undefined) return known;
    const underWay = this.#probes.get(shareKey);
    const shared = underWay && (await wait(underWay.catch(() => undefined)));
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

  /**
   * Throws `UPSTREAM_UNSUPPORTED` while a list is taken to ignore a filter.
   * @param field GraphQL name
   */
  checkFilter({ shareKey }: Principal, list: string, field: string): void {
    if (this.#unfilterable.has(`${shareKey} ${list} ${field}`)) throw unsupportedFilter(list, field);
  }

  /**
   * Notes how many rows of a page do not match a filter. When most of them do not, the list is taken to ignore that filter:
   * for this principal alone, since a caller can choose the value, and so perhaps what comes back.
   */
  noteMismatches({ shareKey }: Principal, list: string, field: string, mismatches: number, rows: number): void {
    if (mismatches >= MIN_MISMATCHES && mismatches * 2 > rows) {
      this.#unfilterable.set(`${shareKey} ${list} ${field}`, true);
    }
  }

  /** Whether records of a resource can be fetched many at a time; undefined when it is not known. */
  batches(project: string, resource: string): boolean | undefined {
    return this.#batches.get(`${project} ${resource}`);
  }

  learnBatches(project: string, resource: string, works: boolean): void {
    this.#batches.set(`${project} ${resource}`, works);
  }

  pageSizes(project: string, list: string, limit: number): PageSizes {
    const key = `${project} ${list}`;
    return {
      max: () => Math.min(limit, this.#caps.get(key) ?? limit),
      proven: () => this.#proven.get(key) ?? 0,
      capped: (rows) => {
        this.#caps.set(key, Math.min(rows, this.#caps.get(key) ?? rows));
        this.#proven.set(key, rows);
      },
      came: (rows) => {
        if (rows > (this.#proven.get(key) ?? 0)) this.#proven.set(key, rows);
      },
    };
  }
}

/**
 * The error for a list that can not be filtered.
 * @param field GraphQL name
 */
export function unsupportedFilter(list: string, field: string): GatewayError {
  return new GatewayError(
    'UPSTREAM_UNSUPPORTED',
    `The Datatrics API does not filter the ${list} of this project by ${field}. Remove the filter.`,
  );
}

/**
 * The error for a page with rows that do not match its filter: the gateway does not drop them silently.
 * @param field GraphQL name
 */
export function unmatchedRows(list: string, field: string): GatewayError {
  return new GatewayError(
    'UPSTREAM_UNSUPPORTED',
    `The Datatrics API returned ${list} that do not match the filter by ${field}. Remove the filter, or use another value.`,
  );
}
