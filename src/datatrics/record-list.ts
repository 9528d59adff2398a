import { randomBytes } from 'node:crypto';
import type { Principal } from '../auth/principal.ts';
import { toError } from '../lib/error.ts';
import type { Operation } from '../upstream/operation.ts';
import { asksByPersonal, checkAccess, PERSONAL } from './access.ts';
import { type Capabilities, unmatchedRows, unsupportedFilter } from './capabilities.ts';
import {
  type ContentType,
  ENDPOINTS,
  type EndpointFor,
  endpointFor,
  type Resource,
  typeParameter,
} from './endpoints.ts';
import { createFilters, type Filter, type FilterInput, ofSource } from './filter.ts';
import type { ReadJson, Selection } from './json-selection.ts';
import { markOfKey } from './keys.ts';
import { type Range, readWindow } from './paging.ts';
import type { CallArgs } from './paths.ts';
import { isObject, lookUp, type RecordContext } from './records/fields.ts';
import { type DatatricsRecord, sortNameOf } from './records/record.ts';
import type { RecordOf, RecordTypes } from './records/record-types.ts';
import type { Page } from './responses.ts';
import type { ProjectSettings } from './settings.ts';

/** Which list, narrowed and ordered how, in the names of the model. */
export interface ListQuery {
  /** Content only. */
  readonly type?: ContentType | undefined;
  readonly source?: string | undefined;
  /** Values by field; null and undefined count as left out. */
  readonly filter?: FilterInput | null | undefined;
  /** Default: the API's own order. */
  readonly order?: ListOrder | null | undefined;
}

export interface ListOrder {
  /** A field of the records, or another name by which the resource can be sorted. */
  readonly field: string;
  readonly direction: 1 | -1;
}

/** Part of a list. A row that could not be decoded stands as its error. */
export interface RecordWindow<R> {
  readonly rows: readonly (R | Error)[];
  readonly start: number;
  readonly total: number | null;
  readonly hasPrevious: boolean;
  readonly hasNext: boolean;
}

/** What a list needs of the operation that reads it. */
export interface ListEnvironment {
  readonly principal: Principal;
  readonly settings: ProjectSettings;
  readonly context: RecordContext;
  readonly types: RecordTypes;
  readonly operation: Operation;
  readonly capabilities: Capabilities;
  /** What is read of the records. Default: all. */
  readonly selection?: Selection | undefined;
  page(name: EndpointFor<'list'>, args: CallArgs, readJson?: ReadJson): Promise<Page>;
}

/** Weight of the error of an unreadable row: making it costs more than a plain value. */
const BAD_ROW = 40;

/** A value that no record has, made anew by each process. */
const IMPOSSIBLE = `filter-probe-${randomBytes(12).toString('hex')}`;

/** One list of a resource's records, as its query narrows and orders it. */
export class RecordList<R extends Resource> {
  readonly #resource: R;
  readonly #endpoint: EndpointFor<'list'>;
  readonly #query: ListQuery;
  readonly #environment: ListEnvironment;
  /** Of the client, and the source. All are checked in every row. */
  readonly #filters: readonly Filter[];
  /** Those that the API gets as `q`: all, without the source where that has a parameter of its own. */
  readonly #sent: readonly Filter[];
  /** REST name and direction. */
  readonly #order: { readonly sort: string; readonly direction: 1 | -1 };

  /** @throws GatewayError `BAD_USER_INPUT` for a filter's value that can not be sent */
  constructor(resource: R, query: ListQuery, environment: ListEnvironment) {
    this.#resource = resource;
    this.#endpoint = endpointFor(resource, 'list');
    this.#query = query;
    this.#environment = environment;
    const { types, settings } = environment;
    const given = createFilters(types[resource], query.filter, settings);
    this.#filters = query.source === undefined ? given : [...given, ofSource(query.source)];
    this.#sent = this.#hasSourceParameter ? given : this.#filters;
    const { defaults } = ENDPOINTS[this.#endpoint];
    this.#order = query.order
      ? { sort: sortNameOf(types[resource], query.order.field), direction: query.order.direction }
      : { sort: defaults.sort, direction: defaults.order };
  }

  /** Tells this list from all others: the API's own order is the same list as that order asked for. */
  get identity(): readonly unknown[] {
    const { type = null, source = null } = this.#query;
    const conditions = this.#filters.filter(({ name }) => name !== 'source').flatMap((filter) => filter.conditions);
    const { sort, direction } = this.#order;
    return [this.#environment.principal.project, this.#resource, type, source, sort, direction, conditions];
  }

  /** Reads a part of the list, in one call or two. Each row is decoded and checked against the filters. */
  async read(range: Range): Promise<RecordWindow<RecordOf[R]>> {
    const { types, context, operation, capabilities, principal, settings, selection } = this.#environment;
    this.#checkPersonal();
    await this.#checkFilters();

    const { sort, direction } = this.#order;
    const { type, source } = this.#query;
    const fixed = {
      ...typeParameter(this.#endpoint, type),
      ...(this.#hasSourceParameter && source !== undefined && { source }),
    };
    const q = this.#sent.flatMap((filter) => filter.conditions);
    const readJson = selection?.pageReader(
      types[this.#resource],
      this.#filters.map(({ name }) => name),
      [sort, ...this.#filters.flatMap(({ conditions }) => conditions.map(({ field }) => field))],
    );
    const fetch = (page: number, limit: number, reversed: boolean): Promise<Page> => {
      const sorting = reversed ? { sort, order: -direction } : this.#query.order && { sort, order: direction };
      return this.#environment.page(this.#endpoint, { page, limit, ...sorting, ...fixed, q }, readJson);
    };
    const sortValue = (row: unknown): unknown => (isObject(row) ? lookUp(row, sort) : undefined);
    const decode = (raw: unknown): RecordOf[R] | Error => {
      try {
        return types[this.#resource].decode(raw, { source, type }, context);
      } catch (error) {
        operation.take(BAD_ROW);
        return toError(error);
      }
    };
    const sizes = capabilities.pageSizes(principal.project, this.#endpoint, settings.pageLimit);
    const window = await readWindow(fetch, range, sizes, {
      tied: (a, b) => sortValue(a) === sortValue(b),
      markOf(raw) {
        const record = decode(raw);
        return record instanceof Error ? undefined : markOfKey(record.key);
      },
    });
    if (operation.isOver) return { ...window, rows: [] };
    const rows = window.rows.map(decode);
    for (const filter of this.#filters) this.#checkRows(filter, rows);
    return { ...window, rows };
  }

  get #hasSourceParameter(): boolean {
    return 'source' in ENDPOINTS[this.#endpoint].query;
  }

  get #noun(): string {
    return `${this.#resource}s`;
  }

  /** @throws GatewayError `UPSTREAM_UNSUPPORTED` when a row does not match: rows are never dropped silently */
  #checkRows(filter: Filter, rows: readonly (DatatricsRecord | Error)[]): void {
    let mismatches = 0;
    for (const row of rows) if (!(row instanceof Error) && !filter.matches(row)) mismatches += 1;
    if (mismatches === 0) return;
    const { capabilities, principal } = this.#environment;
    capabilities.noteMismatches(principal, this.#noun, filter.name, mismatches, rows.length);
    throw unmatchedRows(this.#noun, filter.name);
  }

  /** A filter or an order by a masked value would reveal it, one guess at a time. */
  #checkPersonal(): void {
    const { context, principal, settings, types } = this.#environment;
    const { mask } = context;
    if (mask === undefined) return;
    const type = types[this.#resource];
    const asksForAddress = ({ name, conditions }: Filter): boolean =>
      type.fields[name]?.custom === true && conditions.some(({ value }) => mask.hasAddress(value));
    const { filter, order } = this.#query;
    if (asksByPersonal(settings.masking, type, filter, order?.field) || this.#filters.some(asksForAddress)) {
      checkAccess(principal.scopes, PERSONAL);
    }
  }

  /** Stops filters that the API does not support; probes the API before the first list of the project that needs one. */
  async #checkFilters(): Promise<void> {
    const { capabilities, operation, principal, settings } = this.#environment;
    const noun = this.#noun;
    // A list's source is checked in every row, also where it is a REST parameter.
    if (this.#query.source !== undefined) capabilities.checkFilter(principal, noun, 'source');
    const [first] = this.#sent;
    if (first === undefined) return;
    if (settings.filters === 'off') throw unsupportedFilter(noun, first.name);
    for (const filter of this.#sent) capabilities.checkFilter(principal, noun, filter.name);
    if (settings.filters === 'on') return;

    const works = await capabilities.isFilterable(
      principal,
      (probe) => operation.until(probe),
      async () => {
        const q = [{ field: this.#fieldToProbe(), value: IMPOSSIBLE }];
        const args = { page: 1, limit: 1, ...typeParameter(this.#endpoint, this.#query.type), q };
        return (await this.#environment.page(this.#endpoint, args)).rows.length === 0;
      },
    );
    if (!works) throw unsupportedFilter(noun, first.name);
  }

  /** A field that every project has: one of its own that the API ignores says nothing of the others. */
  #fieldToProbe(): string {
    const { fields } = this.#environment.types[this.#resource];
    const documented = this.#sent.find(({ name }) => fields[name]?.custom !== true);
    return documented?.conditions[0]?.field ?? 'source';
  }
}
