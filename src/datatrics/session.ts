import type { Principal } from '../auth/principal.ts';
import { allows } from '../auth/scopes.ts';
import { badInput } from '../lib/error.ts';
import type { Staleness } from '../upstream/freshness.ts';
import { PERSONAL, scopeOf } from './access.ts';
import type { BoundClient } from './client.ts';
import { type ContentType, endpointFor, type Resource } from './endpoints.ts';
import type { ReadJson } from './json-selection.ts';
import { checkId, idProblem, type RecordKey } from './keys.ts';
import type { Mask } from './masking.ts';
import type { CallArgs } from './paths.ts';
import type { ProjectSettings } from './project-settings.ts';
import type { ReadContext } from './read-context.ts';
import { createList, type ListQuery, type RecordList } from './record-list.ts';
import { RecordLoader } from './record-loader.ts';
import { decodeRecord, type RequestedKey } from './records/record.ts';
import { RECORD_TYPES, type RecordOf } from './records/record-types.ts';
import type { Page } from './responses.ts';

/**
 * All reads of one operation, on behalf of its principal. Resolvers get every record from here. A session makes each
 * distinct REST read at most once, until `forget`.
 */
export class Session {
  readonly client: BoundClient;
  readonly principal: Principal;
  readonly settings: ProjectSettings;
  /** Undefined for a principal with `pii:read`. */
  readonly mask: Mask | undefined;
  readonly #reads: ReadContext;
  /** Loaders by source. A key's parts are compared one by one, because to join them takes longer than to find the record. */
  readonly #loaders: Map<string, RecordLoader[]>;
  readonly #pages: Map<string, Promise<Page>>;
  readonly #onStale: ((staleness: Staleness) => void) | undefined;

  constructor(
    options: Omit<ReadContext, 'types' | 'context'>,
    watch?: { readonly parent: Session; readonly onStale: (staleness: Staleness) => void },
  ) {
    const { client, settings } = options;
    const { principal, operation } = client;
    const { project, scopes } = principal;
    const parent = watch?.parent;
    this.client = client;
    this.principal = principal;
    this.settings = settings;
    this.mask = parent ? parent.mask : allows(scopes, PERSONAL) ? undefined : settings.masking.for(project, operation);
    const context = { project, timeZone: settings.timeZone, mask: this.mask, operation };
    this.#reads = { ...options, types: settings.recordTypes ?? RECORD_TYPES, context };
    this.#loaders = parent ? parent.#loaders : new Map();
    this.#pages = parent ? parent.#pages : new Map();
    this.#onStale = watch?.onStale;
  }

  /** A session for one field, with this session's loaders. It calls `onStale` for each stale answer that the field gets. */
  watched(onStale: (staleness: Staleness) => void): Session {
    return new Session(this.#reads, { parent: this, onStale });
  }

  #loaderOf(key: RecordKey): RecordLoader {
    const { resource, source, type } = key;
    let loaders = this.#loaders.get(source);
    if (loaders === undefined) {
      loaders = [];
      this.#loaders.set(source, loaders);
    }
    for (const loader of loaders) if (loader.of.resource === resource && loader.of.type === type) return loader;
    const loader = new RecordLoader({ resource, source, type }, this.#reads);
    loaders.push(loader);
    return loader;
  }

  /** Returns null if the record does not exist. */
  load<R extends Resource>(key: RecordKey & { readonly resource: R }): Promise<RecordOf[R] | null> {
    const loader = this.#loaderOf(key);
    const record = loader.load(key.id) as Promise<RecordOf[R] | null>;
    return this.#onStale ? watch(record, this.#onStale, () => loader.stalenessOf(key.id)) : record;
  }

  /**
   * Reads a record by its own id: from the given source, otherwise from the first configured source that has it. Returns
   * null if it does not exist.
   * @throws GatewayError `BAD_USER_INPUT` for an invalid id, or if no source is given or configured
   */
  find<R extends Resource>(
    resource: R,
    id: string,
    source: string | undefined,
    type?: ContentType,
  ): Promise<RecordOf[R] | null> {
    checkId(`${resource}Id`, id);
    const sources = source === undefined ? this.settings.sources[resource] : [source];
    if (sources.length === 0) {
      throw badInput(
        `source is required: this gateway has no sources configured for ${resource}s (DATATRICS_${resource.toUpperCase()}_SOURCES).`,
      );
    }
    return this.#findFirst(resource, id, sources, type);
  }

  /**
   * Reads the record that another record refers to: from `source` if the client gives one, otherwise from the configured
   * sources, and last from the other record's own source. Returns null if the record does not exist, and for an invalid id.
   */
  follow<R extends Resource>(
    resource: R,
    id: string | null,
    source: string | undefined,
    ownSource: string,
    type?: ContentType,
  ): Promise<RecordOf[R] | null> | null {
    if (id === null || idProblem(id)) return null;
    if (source !== undefined) return this.load({ resource, id, source, type });
    const configured = this.settings.sources[resource];
    const sources = configured.includes(ownSource) ? configured : [...configured, ownSource];
    return this.#findFirst(resource, id, sources, type);
  }

  /** Calls one source after another, from index `at` on. There must be one. */
  #findFirst<R extends Resource>(
    resource: R,
    id: string,
    sources: readonly string[],
    type: ContentType | undefined,
    at = 0,
  ): Promise<RecordOf[R] | null> {
    const record = this.load({ resource, id, source: sources[at] as string, type });
    if (at + 1 === sources.length) return record;
    return record.then((found) => found ?? this.#findFirst(resource, id, sources, type, at + 1));
  }

  /** Forgets a record, and all pages, since it may be on any of them. The next read calls the API. */
  forget(key: RecordKey): void {
    this.#loaderOf(key).forget(key.id);
    this.#pages.clear();
  }

  /** Whether the principal may read records of a resource. Some callers may only write. */
  mayRead(resource: Resource): boolean {
    return allows(this.principal.scopes, scopeOf(resource, 'read'));
  }

  /**
   * Decodes a record in the API's answer to a write. Returns null if there is none, or if it is unreadable. Check `mayRead`
   * before you return the record to a client.
   */
  decodeWritten<R extends Resource>(resource: R, raw: unknown, requested: RequestedKey): RecordOf[R] | null {
    try {
      return decodeRecord(this.#reads.types[resource], raw, requested, this.#reads.context);
    } catch {
      return null;
    }
  }

  list<R extends Resource>(resource: R, query: ListQuery): RecordList<R> {
    return createList(resource, query, this.#reads, (args, readJson) => this.#page(resource, args, readJson));
  }

  #page(resource: Resource, args: CallArgs, readJson?: ReadJson): Promise<Page> {
    const { usage, trace } = this.client.operation;
    const key = JSON.stringify([resource, args]);
    let page = this.#pages.get(key);
    if (page) {
      usage.deduped += 1;
      trace?.join(endpointFor(resource, 'list').label, page);
    } else {
      page = this.client.list(resource, args, readJson);
      this.#pages.set(key, page);
    }
    return this.#onStale ? watch(page, this.#onStale, () => this.client.stalenessOf(resource, 'list', args)) : page;
  }
}

function watch<T>(
  read: Promise<T>,
  onStale: (staleness: Staleness) => void,
  stalenessOf: () => Staleness | undefined,
): Promise<T> {
  return read.then((value) => {
    const staleness = stalenessOf();
    if (staleness) onStale(staleness);
    return value;
  });
}
