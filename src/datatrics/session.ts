import { randomBytes } from 'node:crypto';
import type { Principal } from '../auth/principal.ts';
import { allows } from '../auth/scopes.ts';
import { badInput } from '../lib/error.ts';
import type { Staleness } from '../upstream/freshness.ts';
import type { Operation, Usage } from '../upstream/operation.ts';
import { asksByPersonal, checkAccess, PERSONAL, scopeOf } from './access.ts';
import { type Capabilities, type FilterMode, unmatchedRows, unsupportedFilter } from './capabilities.ts';
import type { BoundClient } from './client.ts';
import { type ContentType, ENDPOINTS, endpointFor, labelOf, type Resource, typeParameter } from './endpoints.ts';
import { type Filter, ofSource } from './filter.ts';
import type { ReadJson, Selection } from './json-selection.ts';
import { checkId, idProblem, markOfKey, type RecordKey } from './keys.ts';
import type { Mask, Masking } from './masking.ts';
import { type Range, readWindow } from './paging.ts';
import type { Condition } from './paths.ts';
import { type BatchMode, RecordLoader } from './record-loader.ts';
import { isObject, lookUp, type RecordContext } from './records/fields.ts';
import type { DatatricsRecord } from './records/record.ts';
import { RECORD_TYPES, type RecordOf, type RecordTypes } from './records/record-types.ts';
import type { Page } from './responses.ts';
import { stalenessOf } from './staleness.ts';

/** How a project is read; one value for all projects of a process for now. */
export interface ProjectSettings {
  /** Sources to try, in order, where a read by id or a link names none. */
  readonly sources: Readonly<Record<Resource, readonly string[]>>;
  readonly filters: FilterMode;
  /** REST name of the field by which conversions are filtered for a profile. */
  readonly conversionProfileField: string;
  /** IANA zone of the API's times. */
  readonly timeZone: string;
  /** Rows to ask of a list at most. */
  readonly pageLimit: number;
  readonly batchReads: BatchMode;
  /** How personal data comes to those without `pii:read`. */
  readonly masking: Masking;
  /** How records are read and written. Default: those with the documented fields only. */
  readonly recordTypes?: RecordTypes | undefined;
}

/** Which list, narrowed and ordered how. */
export interface ListQuery {
  readonly type?: ContentType | undefined;
  readonly source?: string | undefined;
  readonly filters: readonly Filter[];
  /** REST name and direction; the API's own order where undefined. */
  readonly order?: { readonly sort: string; readonly direction: 1 | -1 } | undefined;
}

/** A row that could not be decoded stands as its error. */
export interface RecordWindow<R> {
  readonly rows: readonly (R | Error)[];
  readonly start: number;
  readonly total: number | null;
  readonly hasPrevious: boolean;
  readonly hasNext: boolean;
}

/** What a row that can't be read weighs, against a plain value: its error costs more than a record. */
const BAD_ROW = 40;

/** A value that no record has, made anew by each process. */
const IMPOSSIBLE = `filter-probe-${randomBytes(12).toString('hex')}`;

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
  readonly #client: BoundClient;
  readonly #operation: Operation;
  readonly #usage: Usage;
  readonly #capabilities: Capabilities;
  readonly #loaders: Partial<Record<Resource, RecordLoader>>;
  readonly #pages: Map<string, Promise<Page>>;
  readonly #options: SessionOptions;
  readonly #note: ((staleness: Staleness) => void) | undefined;

  /** @param field see `watched` */
  constructor(
    options: SessionOptions,
    field?: { readonly of: Session; readonly note: (staleness: Staleness) => void },
  ) {
    this.#options = options;
    this.#note = field?.note;
    this.#pages = field ? field.of.#pages : new Map();
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
    this.#client = options.client;
    this.#capabilities = options.capabilities;
    this.#operation = options.operation;
    this.#usage = options.operation.usage;
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
    if (this.#pages.size > 0) this.#pages.clear();
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

  /** Part of a list, each row decoded and checked against the filters. */
  async list<R extends Resource>(resource: R, query: ListQuery, range: Range): Promise<RecordWindow<RecordOf[R]>> {
    const name = endpointFor(resource, 'list');
    const endpoint = ENDPOINTS[name];
    this.#checkQuery(resource, query);
    const hasSourceParameter = 'source' in endpoint.query;
    const bySource = query.source === undefined ? [] : [ofSource(query.source)];
    const asked = hasSourceParameter ? query.filters : [...query.filters, ...bySource];
    await this.#checkFilters(resource, query, asked);

    const q = asked.flatMap((filter) => filter.conditions);
    const fixed = {
      ...typeParameter(name, query.type),
      ...(hasSourceParameter && query.source !== undefined ? { source: query.source } : {}),
    };
    const order = query.order ?? { sort: endpoint.defaults.sort, direction: endpoint.defaults.order };
    const filters = [...query.filters, ...bySource];
    const readJson = this.#options.selection?.pageReader(
      this.#types[resource],
      filters.map(({ name }) => name),
      [order.sort, ...filters.flatMap(({ conditions }) => conditions.map(({ field }) => field))],
    );
    const fetch = (page: number, limit: number, reversed: boolean): Promise<Page> => {
      const sorting = reversed
        ? { sort: order.sort, order: -order.direction }
        : query.order && { sort: order.sort, order: order.direction };
      return this.#page(resource, { page, limit, ...sorting, ...fixed, q }, readJson);
    };
    const sizes = this.#capabilities.pageSizes(this.principal.project, name, this.settings.pageLimit);
    const sortValue = (row: unknown): unknown => (isObject(row) ? lookUp(row, order.sort) : undefined);
    const decode = (raw: unknown): RecordOf[R] | Error => {
      try {
        return this.#types[resource].decode(raw, { source: query.source, type: query.type }, this.#context);
      } catch (error) {
        this.#operation.take(BAD_ROW);
        return toError(error);
      }
    };
    const window = await readWindow(fetch, range, sizes, {
      tied: (a, b) => sortValue(a) === sortValue(b),
      markOf(raw) {
        const record = decode(raw);
        return record instanceof Error ? undefined : markOfKey(record.key);
      },
    });
    if (this.#operation.isOver) return { ...window, rows: [] };
    const rows = window.rows.map(decode);
    for (const filter of filters) this.#checkRows(resource, filter, rows);
    return { ...window, rows };
  }

  /** @throws GatewayError `UPSTREAM_UNSUPPORTED` when a row does not match: rows are never dropped silently */
  #checkRows(resource: Resource, filter: Filter, rows: readonly (DatatricsRecord | Error)[]): void {
    let mismatches = 0;
    for (const row of rows) if (!(row instanceof Error) && !filter.matches(row)) mismatches += 1;
    if (mismatches === 0) return;
    const noun = listNoun(resource);
    this.#capabilities.noteMismatches(this.principal, noun, filter.name, mismatches, rows.length);
    throw unmatchedRows(noun, filter.name);
  }

  /** A filter or an order by what is masked would tell it, one guess at a time. */
  #checkQuery(resource: Resource, { filters, order }: ListQuery): void {
    if (this.mask === undefined) return;
    const asked = [...filters.map(({ name }) => name), ...(order ? [order.sort] : [])];
    const { fields } = this.#types[resource];
    const { mask } = this;
    const asksForAddress = ({ name, conditions }: Filter): boolean =>
      fields[name]?.custom === true && conditions.some(({ value }) => mask.hasAddress(value));
    if (asksByPersonal(this.settings.masking, resource, fields, asked) || filters.some(asksForAddress)) {
      checkAccess(this.principal.scopes, PERSONAL);
    }
  }

  /** Stops filters that the API does not support; probes the API before the first list of the project that needs one. */
  async #checkFilters(resource: Resource, query: ListQuery, sent: readonly Filter[]): Promise<void> {
    const noun = listNoun(resource);
    // A list's source is checked in every row, also where it is a REST parameter.
    if (query.source !== undefined) this.#capabilities.checkFilter(this.principal, noun, 'source');
    const first = sent[0];
    if (first === undefined) return;
    if (this.settings.filters === 'off') throw unsupportedFilter(noun, first.name);
    for (const filter of sent) this.#capabilities.checkFilter(this.principal, noun, filter.name);
    if (this.settings.filters === 'on') return;

    const works = await this.#capabilities.isFilterable(
      this.principal,
      (probe) => this.#operation.until(probe),
      async () => {
        const typeArgs = typeParameter(endpointFor(resource, 'list'), query.type);
        const q = [{ field: this.#fieldToProbe(resource, sent), value: IMPOSSIBLE }];
        return (await this.#page(resource, { page: 1, limit: 1, ...typeArgs, q })).rows.length === 0;
      },
    );
    if (!works) throw unsupportedFilter(noun, first.name);
  }

  /** A field that every project has: one of its own that the API ignores says nothing of the others. */
  #fieldToProbe(resource: Resource, sent: readonly Filter[]): string {
    const { fields } = this.#types[resource];
    const documented = sent.find(({ name }) => fields[name]?.custom !== true);
    return documented?.conditions[0]?.field ?? 'source';
  }

  #page(resource: Resource, args: ListArgs, readJson?: ReadJson): Promise<Page> {
    const key = JSON.stringify([resource, args]);
    const known = this.#pages.get(key);
    if (known) {
      this.#usage.deduped += 1;
      this.#operation.trace?.join(labelOf(ENDPOINTS[endpointFor(resource, 'list')]), known);
      return this.#noting(known, resource, args);
    }
    const page = this.#client.read(endpointFor(resource, 'list'), { ...args }, readJson);
    this.#pages.set(key, page);
    return this.#noting(page, resource, args);
  }

  #noting(page: Promise<Page>, resource: Resource, args: ListArgs): Promise<Page> {
    const note = this.#note;
    if (note === undefined) return page;
    return page.then((value) => {
      const staleness = stalenessOf(this.#operation, this.principal.project, endpointFor(resource, 'list'), {
        ...args,
      });
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

interface ListArgs {
  readonly page: number;
  readonly limit: number;
  readonly sort?: string;
  readonly order?: number;
  readonly source?: string;
  readonly type?: string;
  readonly q: readonly Condition[];
}

function listNoun(resource: Resource): string {
  return `${resource}s`;
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
