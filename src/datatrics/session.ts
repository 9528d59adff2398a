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
import { type ListQuery, RecordList } from './record-list.ts';
import { RecordLoader } from './record-loader.ts';
import type { RecordContext } from './records/fields.ts';
import { RECORD_TYPES, type RecordOf, type RecordTypes } from './records/record-types.ts';
import type { Page } from './responses.ts';
import type { ProjectSettings } from './settings.ts';

/**
 * The door to the data for one operation: every record that a resolver sees comes through here, in the principal's name.
 * Each distinct REST read is made at most once in its life.
 */
export class Session {
  readonly principal: Principal;
  readonly settings: ProjectSettings;
  /** Set for a principal who may not see personal data. */
  readonly mask: Mask | undefined;
  readonly #context: RecordContext;
  readonly #types: RecordTypes;
  readonly #loaders: Partial<Record<Resource, RecordLoader>>;
  readonly #pages: PageLoader;
  readonly #options: SessionOptions;
  readonly #note: ((staleness: Staleness) => void) | undefined;

  /** @param field see `watched` */
  constructor(
    options: SessionOptions,
    field?: { readonly of: Session; readonly note: (staleness: Staleness) => void },
  ) {
    this.#options = options;
    this.#note = field?.note;
    this.principal = options.principal;
    this.settings = options.settings;
    const { project, scopes } = options.principal;
    const { operation } = options;
    this.mask = field
      ? field.of.mask
      : allows(scopes, PERSONAL)
        ? undefined
        : options.settings.masking.for(project, operation);
    this.#context = { project, timeZone: options.settings.timeZone, mask: this.mask, operation };
    this.#types = options.settings.recordTypes ?? RECORD_TYPES;
    this.#pages = field ? field.of.#pages : new PageLoader(options.client, operation, project);
    this.#loaders = field ? field.of.#loaders : {};
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

  /** The same door for one field: `note` is told of every stale answer that the field gets through it. */
  watched(note: (staleness: Staleness) => void): Session {
    return new Session(this.#options, { of: this, note });
  }

  /** The record with this key, or null when the API has none. */
  load<R extends Resource>(key: RecordKey & { readonly resource: R }): Promise<RecordOf[R] | null> {
    const loader = this.#loaderOf(key.resource);
    const record = loader.load(key) as Promise<RecordOf[R] | null>;
    if (this.#note === undefined) return record;
    return record.then((value) => {
      const staleness = loader.staleness(key);
      if (staleness) this.#note?.(staleness);
      return value;
    });
  }

  /**
   * A record by its own id: from the source named, else from the first of the project's configured sources that has it.
   * @throws GatewayError `BAD_USER_INPUT` for an impossible id, or when no source is named or configured
   */
  find<R extends Resource>(
    resource: R,
    id: string,
    source: string | undefined,
    type?: ContentType,
  ): Promise<RecordOf[R] | null> {
    checkId(`${resource}Id`, id);
    if (source !== undefined) return this.#loadFrom(resource, id, source, type);
    const candidates = this.settings.sources[resource];
    if (candidates.length === 0) {
      throw badInput(
        `source is needed: this gateway has no sources configured for ${resource}s (DATATRICS_${resource.toUpperCase()}_SOURCES).`,
      );
    }
    return this.#findFirst(resource, id, candidates, type);
  }

  /**
   * The record that another one refers to: from `source` when the client names it, else from the configured sources,
   * then from the other record's own. A reference that leads nowhere is null.
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
   * The record from the first source that has it, one call after another.
   * @param sources one or more
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

  /** Forgets what was read of a record, and every page, since it may be on any: the next read asks the API again. */
  forget(key: RecordKey): void {
    this.#loaders[key.resource]?.forget(key);
    this.#pages.clear();
  }

  /** Whether the principal may see records of a resource at all; one may be allowed to write and not to read. */
  mayRead(resource: Resource): boolean {
    return allows(this.principal.scopes, scopeOf(resource, 'read'));
  }

  /**
   * Makes a record of what the API answered to a write; null when it answered none, or something unreadable. Not to be
   * given to a reader who may not read.
   */
  decodeWritten<R extends Resource>(resource: R, raw: unknown, key: RecordKey): RecordOf[R] | null {
    try {
      return this.#types[resource].decode(raw, key, this.#context);
    } catch {
      return null;
    }
  }

  /** A list of a resource's records; nothing is read before its `read`. */
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
    const note = this.#note;
    if (note === undefined) return page;
    return page.then((value) => {
      const staleness = this.#pages.staleness(name, args);
      if (staleness) note(staleness);
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
  /** What is read of the records. Default: all. */
  readonly selection?: Selection | undefined;
}
