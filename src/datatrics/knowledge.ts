import { LRUCache } from 'lru-cache';
import { GatewayError } from '../lib/error.ts';
import type { Principal } from '../lib/principal.ts';
import type { PageSizes } from './paging.ts';

/** `auto`: ask the API once per project; `on`: take for granted; `off`: never filter. */
export type FilterMode = 'auto' | 'on' | 'off';

/** Projects whose behaviour is remembered: a bound, since with the callers' own keys anyone may name any project. */
const MAX_PROJECTS = 1_000;
/** ms for which a cap on page sizes is believed: a list that shrank in mid-read may have looked like one. */
const PAGE_SIZE_TTL_MS = 5 * 60_000;

/**
 * What was learned of the APIs' undocumented sides from their answers: whether a project's lists can be filtered, and how
 * large pages get. Facts about a project, nobody's data; lost with the process, and learned again.
 */
export class Knowledge {
  readonly #filterable: LRUCache<string, boolean>;
  readonly #asking = new Map<string, Promise<boolean>>();
  readonly #unfilterable: LRUCache<string, true>;
  readonly #batches: LRUCache<string, boolean>;
  readonly #caps: LRUCache<string, number>;
  readonly #proven: LRUCache<string, number>;

  /** @param projects that are remembered; memory for all of them is taken at once */
  constructor(projects = MAX_PROJECTS) {
    this.#filterable = new LRUCache({ max: projects });
    this.#unfilterable = new LRUCache({ max: projects * 20 });
    this.#batches = new LRUCache({ max: projects * 4 });
    this.#caps = new LRUCache({ max: projects * 4, ttl: PAGE_SIZE_TTL_MS });
    this.#proven = new LRUCache({ max: projects * 4, ttl: PAGE_SIZE_TTL_MS });
  }

  /**
   * Whether the project's lists can be filtered at all. Asked of the API once: who comes while a principal's question is
   * under way waits for its answer, and a question that failed is not remembered.
   *
   * @param wait waits for somebody else's question, no longer than the asking operation lasts
   */
  async isFilterable(
    { project, shareKey }: Principal,
    wait: (question: Promise<boolean>) => Promise<boolean>,
    ask: () => Promise<boolean>,
  ): Promise<boolean> {
    for (;;) {
      const known = this.#filterable.get(project);
      if (known !== undefined) return known;
      const asking = this.#asking.get(shareKey);
      if (asking === undefined) break;
      await wait(asking.catch(() => false));
    }
    const question = ask();
    this.#asking.set(shareKey, question);
    try {
      const works = await question;
      this.#filterable.set(project, works);
      return works;
    } finally {
      this.#asking.delete(shareKey);
    }
  }

  /** Throws `UPSTREAM_UNSUPPORTED` when a list was seen to ignore a filter. */
  checkFilter(project: string, list: string, field: string): void {
    if (this.#unfilterable.has(`${project} ${list} ${field}`)) throw unsupportedFilter(list, field);
  }

  /** Remembers that a row came which does not fit, and gives the error to throw. */
  learnIgnoredFilter(project: string, list: string, field: string): GatewayError {
    this.#unfilterable.set(`${project} ${list} ${field}`, true);
    return unsupportedFilter(list, field);
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
      full: (rows) => {
        if (rows > (this.#proven.get(key) ?? 0)) this.#proven.set(key, rows);
      },
    };
  }
}

/** The error for a list that can not be narrowed down; `field` is the GraphQL name of what was asked for. */
export function unsupportedFilter(list: string, field: string): GatewayError {
  return new GatewayError(
    'UPSTREAM_UNSUPPORTED',
    `The Datatrics API does not filter the ${list} of this project by ${field}, and rows are never dropped silently. Ask without it.`,
  );
}
