import type { Principal } from '../auth/principal.ts';
import { allows } from '../auth/scopes.ts';
import { badInput } from '../lib/error.ts';
import type { Staleness } from '../upstream/freshness.ts';
import { PERSONAL, scopeOf } from './access.ts';
import { type ContentType, endpointFor, type Resource } from './endpoints.ts';
import type { ReadJson } from './json-selection.ts';
import { checkId, idProblem, type RecordKey } from './keys.ts';
import type { Mask } from './masking.ts';
import type { CallArgs } from './paths.ts';
import type { ProjectSettings } from './project-settings.ts';
import { type ReadEnvironment, stalenessOf } from './read-environment.ts';
import { type ListQuery, RecordList } from './record-list.ts';
import { RecordLoader } from './record-loader.ts';
import { decodeRecord } from './records/record.ts';
import { RECORD_TYPES, type RecordOf } from './records/record-types.ts';
import type { Page } from './responses.ts';

/**
 * All reads of one operation, on behalf of its principal. Resolvers get every record from here. A session makes each
 * distinct REST read at most once, until `forget`.
 */
export class Session {
  readonly principal: Principal;
  readonly settings: ProjectSettings;
  /** Masks personal data. Undefined for a principal with `pii:read`. */
  readonly mask: Mask | undefined;
  readonly #environment: ReadEnvironment;
  readonly #loaders: Partial<Record<Resource, RecordLoader>>;
  /** Pages by resource and arguments. */
  readonly #pages: Map<string, Promise<Page>>;
  readonly #onStale: ((staleness: Staleness) => void) | undefined;

  /** @param watch see `watched` */
  constructor(
    options: Omit<ReadEnvironment, 'types' | 'context'>,
    watch?: { readonly parent: Session; readonly onStale: (staleness: Staleness) => void },
  ) {
    const { principal, settings, operation } = options;
    const { project, scopes } = principal;
    const parent = watch?.parent;
    this.principal = principal;
    this.settings = settings;
    this.mask = parent ? parent.mask : allows(scopes, PERSONAL) ? undefined : settings.masking.for(project, operation);
    const context = { project, timeZone: settings.timeZone, mask: this.mask, operation };
    this.#environment = { ...options, types: settings.recordTypes ?? RECORD_TYPES, context };
    this.#loaders = parent ? parent.#loaders : {};
    this.#pages = parent ? parent.#pages : new Map();
    this.#onStale = watch?.onStale;
  }

  /** A session for one field, with this session's loaders. It calls `onStale` for each stale answer that the field gets. */
  watched(onStale: (staleness: Staleness) => void): Session {
    return new Session(this.#environment, { parent: this, onStale });
  }

  #loaderOf(resource: Resource): RecordLoader {
    this.#loaders[resource] ??= new RecordLoader(this.#environment);
    return this.#loaders[resource];
  }

  /** Reads the record with this key. Returns null if it does not exist. */
  load<R extends Resource>(key: RecordKey & { readonly resource: R }): Promise<RecordOf[R] | null> {
    const loader = this.#loaderOf(key.resource);
    const record = loader.load(key) as Promise<RecordOf[R] | null>;
    const onStale = this.#onStale;
    if (onStale === undefined) return record;
    return record.then((value) => {
      const staleness = loader.staleness(key);
      if (staleness) onStale(staleness);
      return value;
    });
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
    if (source !== undefined) return this.#loadFrom(resource, id, source, type);
    const configured = this.settings.sources[resource];
    if (configured.length === 0) {
      throw badInput(
        `source is required: this gateway has no sources configured for ${resource}s (DATATRICS_${resource.toUpperCase()}_SOURCES).`,
      );
    }
    return this.#findFirst(resource, id, configured, type);
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
    if (source !== undefined) return this.#loadFrom(resource, id, source, type);
    const configured = this.settings.sources[resource];
    const sources = configured.includes(ownSource) ? configured : [...configured, ownSource];
    return this.#findFirst(resource, id, sources, type);
  }

  #loadFrom<R extends Resource>(
    resource: R,
    id: string,
    source: string,
    type?: ContentType,
  ): Promise<RecordOf[R] | null> {
    return this.load({ resource, id, source, type });
  }

  /**
   * Reads the record from the first source that has it. Calls one source after another.
   * @param sources at least one
   * @param at index of the first source to call
   */
  #findFirst<R extends Resource>(
    resource: R,
    id: string,
    sources: readonly string[],
    type: ContentType | undefined,
    at = 0,
  ): Promise<RecordOf[R] | null> {
    const record = this.#loadFrom(resource, id, sources[at] as string, type);
    if (at + 1 === sources.length) return record;
    return record.then((found) => found ?? this.#findFirst(resource, id, sources, type, at + 1));
  }

  /** Forgets a record, and all pages, since it may be on any of them. The next read calls the API. */
  forget(key: RecordKey): void {
    this.#loaders[key.resource]?.forget(key);
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
  decodeWritten<R extends Resource>(resource: R, raw: unknown, key: RecordKey): RecordOf[R] | null {
    try {
      return decodeRecord(this.#environment.types[resource], raw, key, this.#environment.context);
    } catch {
      return null;
    }
  }

  /** Creates a list of a resource's records. It makes no call before its `read`. */
  list<R extends Resource>(resource: R, query: ListQuery): RecordList<R> {
    return new RecordList(resource, query, this.#environment, (args, readJson) => this.#page(resource, args, readJson));
  }

  #page(resource: Resource, args: CallArgs, readJson?: ReadJson): Promise<Page> {
    const { client, operation } = this.#environment;
    const endpoint = endpointFor(resource, 'list');
    const key = JSON.stringify([resource, args]);
    let page = this.#pages.get(key);
    if (page) {
      operation.usage.deduped += 1;
      operation.trace?.join(endpoint.label, page);
    } else {
      page = client.list(resource, args, readJson);
      this.#pages.set(key, page);
    }
    const onStale = this.#onStale;
    if (onStale === undefined) return page;
    return page.then((value) => {
      const staleness = stalenessOf(this.#environment, endpoint, args);
      if (staleness) onStale(staleness);
      return value;
    });
  }
}
