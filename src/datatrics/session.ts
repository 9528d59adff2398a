import type { Principal } from '../auth/principal.ts';
import { allows } from '../auth/scopes.ts';
import { badInput } from '../lib/error.ts';
import type { Staleness } from '../upstream/freshness.ts';
import type { Operation } from '../upstream/operation.ts';
import { PERSONAL, scopeOf } from './access.ts';
import type { Capabilities } from './capabilities.ts';
import type { BoundClient } from './client.ts';
import type { ContentType, EndpointFor, Resource } from './endpoints.ts';
import type { ReadJson, Selection } from './json-selection.ts';
import { checkId, idProblem, type RecordKey } from './keys.ts';
import type { Mask } from './masking.ts';
import { PageLoader } from './page-loader.ts';
import type { CallArgs } from './paths.ts';
import type { ProjectSettings } from './project-settings.ts';
import { type ListQuery, RecordList } from './record-list.ts';
import { RecordLoader } from './record-loader.ts';
import type { RecordContext } from './records/fields.ts';
import { decodeRecord } from './records/record.ts';
import { RECORD_TYPES, type RecordOf, type RecordTypes } from './records/record-types.ts';
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
  readonly #context: RecordContext;
  readonly #types: RecordTypes;
  readonly #loaders: Partial<Record<Resource, RecordLoader>>;
  readonly #pages: PageLoader;
  readonly #options: SessionOptions;
  readonly #onStale: ((staleness: Staleness) => void) | undefined;

  /** @param watch see `watched` */
  constructor(
    options: SessionOptions,
    watch?: { readonly parent: Session; readonly onStale: (staleness: Staleness) => void },
  ) {
    this.#options = options;
    this.#onStale = watch?.onStale;
    this.principal = options.principal;
    this.settings = options.settings;
    const { project, scopes } = options.principal;
    const { operation } = options;
    this.mask = watch
      ? watch.parent.mask
      : allows(scopes, PERSONAL)
        ? undefined
        : options.settings.masking.for(project, operation);
    this.#context = { project, timeZone: options.settings.timeZone, mask: this.mask, operation };
    this.#types = options.settings.recordTypes ?? RECORD_TYPES;
    this.#pages = watch ? watch.parent.#pages : new PageLoader(options.client, operation, project);
    this.#loaders = watch ? watch.parent.#loaders : {};
  }

  #loaderOf(resource: Resource): RecordLoader {
    const { client, operation, capabilities, settings, selection } = this.#options;
    this.#loaders[resource] ??= new RecordLoader({
      client,
      operation,
      capabilities,
      context: this.#context,
      types: this.#types,
      mode: settings.batchReads,
      selection,
    });
    return this.#loaders[resource];
  }

  /** A session for one field, with this session's loaders. It calls `onStale` for each stale answer that the field gets. */
  watched(onStale: (staleness: Staleness) => void): Session {
    return new Session(this.#options, { parent: this, onStale });
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
    return this.load(type === undefined ? { resource, id, source } : { resource, id, source, type });
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
      return decodeRecord(this.#types[resource], raw, key, this.#context);
    } catch {
      return null;
    }
  }

  /** Creates a list of a resource's records. It makes no call before its `read`. */
  list<R extends Resource>(resource: R, query: ListQuery): RecordList<R> {
    const { capabilities, principal, operation, settings, selection } = this.#options;
    return new RecordList(resource, query, {
      principal,
      settings,
      context: this.#context,
      types: this.#types,
      operation,
      capabilities,
      selection,
      page: (name, args, readJson) => this.#page(name, args, readJson),
    });
  }

  #page(name: EndpointFor<'list'>, args: CallArgs, readJson?: ReadJson): Promise<Page> {
    const page = this.#pages.load(name, args, readJson);
    const onStale = this.#onStale;
    if (onStale === undefined) return page;
    return page.then((value) => {
      const staleness = this.#pages.staleness(name, args);
      if (staleness) onStale(staleness);
      return value;
    });
  }
}

interface SessionOptions {
  readonly client: BoundClient;
  readonly principal: Principal;
  readonly operation: Operation;
  readonly settings: ProjectSettings;
  readonly capabilities: Capabilities;
  /** The fields to read. Default: all. */
  readonly selection?: Selection | undefined;
}
