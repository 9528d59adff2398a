import { randomBytes } from 'node:crypto';
import { toError } from '../lib/error.ts';
import { asksByPersonal, checkAccess, PERSONAL } from './access.ts';
import { unmatchedRows, unsupportedFilter } from './capabilities.ts';
import { type ContentType, RESOURCES, type Resource } from './endpoints.ts';
import { createFilters, type Filter, type FilterInput, ofSource } from './filter.ts';
import type { ReadJson } from './json-selection.ts';
import { markOfKey } from './keys.ts';
import { type Range, readWindow } from './paging.ts';
import type { CallArgs } from './paths.ts';
import type { ReadEnvironment } from './read-environment.ts';
import { isObject, lookUp } from './records/fields.ts';
import { type DatatricsRecord, decodeRecord, sortNameOf } from './records/record.ts';
import type { RecordOf } from './records/record-types.ts';
import type { Page } from './responses.ts';

/** The filter and order of a list, in GraphQL names. */
export interface ListQuery {
  /** Content only. */
  readonly type?: ContentType | undefined;
  readonly source?: string | undefined;
  /** Values by field. Null and undefined mean omitted. */
  readonly filter?: FilterInput | null | undefined;
  /** Default: the API's own order. */
  readonly order?: ListOrder | null | undefined;
}

export interface ListOrder {
  /** A field of the records, or one of the type's `sorts`. */
  readonly field: string;
  readonly direction: 1 | -1;
}

/** Part of a list. A row that cannot be decoded is an Error. */
export interface RecordWindow<R> {
  readonly rows: readonly (R | Error)[];
  /** Offset of the first row. */
  readonly start: number;
  /** Number of records in the whole list; null where the API does not return it. */
  readonly total: number | null;
  readonly hasPrevious: boolean;
  readonly hasNext: boolean;
}

/** Cost of the error for an unreadable row in the operation's budget, where a plain value costs 1. */
const BAD_ROW_COST = 40;

/** A value that no record has. Random, so that nobody can store a record with it. */
const IMPOSSIBLE = `filter-probe-${randomBytes(12).toString('hex')}`;

/** A filtered and ordered list of a resource's records. */
export class RecordList<R extends Resource> {
  readonly #resource: R;
  readonly #query: ListQuery;
  readonly #environment: ReadEnvironment;
  readonly #page: (args: CallArgs, readJson?: ReadJson) => Promise<Page>;
  /** The client's filters and the source. The gateway checks all of them in every row. */
  readonly #filters: readonly Filter[];
  /** The filters that the API receives as `q`: all, but not the source if the endpoint has a parameter for it. */
  readonly #sent: readonly Filter[];
  /** REST name of the sort field, and direction. */
  readonly #order: { readonly sort: string; readonly direction: 1 | -1 };

  /**
   * @param page reads one page
   * @throws GatewayError `BAD_USER_INPUT` for a filter value that cannot be sent to the API
   */
  constructor(
    resource: R,
    query: ListQuery,
    environment: ReadEnvironment,
    page: (args: CallArgs, readJson?: ReadJson) => Promise<Page>,
  ) {
    this.#resource = resource;
    this.#query = query;
    this.#environment = environment;
    this.#page = page;
    const { sourceParameter, defaults } = RESOURCES[resource];
    const { types, settings } = environment;
    const fieldFilters = createFilters(types[resource], query.filter, settings);
    this.#filters = query.source === undefined ? fieldFilters : [...fieldFilters, ofSource(query.source)];
    this.#sent = sourceParameter ? fieldFilters : this.#filters;
    this.#order = query.order
      ? { sort: sortNameOf(types[resource], query.order.field), direction: query.order.direction }
      : { sort: defaults.sort, direction: defaults.order };
  }

  /** Values that identify this list, for cursors. An explicit order that equals the API's default gives the same list. */
  get identity(): readonly unknown[] {
    const { type = null, source = null } = this.#query;
    const conditions = this.#filters.filter(({ name }) => name !== 'source').flatMap((filter) => filter.conditions);
    const { sort, direction } = this.#order;
    return [this.#environment.principal.project, this.#resource, type, source, sort, direction, conditions];
  }

  /**
   * Reads part of the list, with one or two calls as a rule. Decodes each row and checks it against the filters.
   * @throws GatewayError `FORBIDDEN` for a personal field without `pii:read`, `UPSTREAM_UNSUPPORTED` for a filter that the
   *   API ignores, and the errors of `readWindow`
   */
  async read(range: Range): Promise<RecordWindow<RecordOf[R]>> {
    const { types, context, operation, capabilities, principal, settings, selection } = this.#environment;
    this.#checkPersonal();
    await this.#checkFilters();

    const { sort, direction } = this.#order;
    const { type, source } = this.#query;
    const fixed = { type, ...(RESOURCES[this.#resource].sourceParameter && source !== undefined && { source }) };
    const q = this.#sent.flatMap((filter) => filter.conditions);
    const readJson = selection?.pageReader(
      types[this.#resource],
      this.#filters.map(({ name }) => name),
      [sort, ...this.#filters.flatMap(({ conditions }) => conditions.map(({ field }) => field))],
    );
    const fetch = (page: number, limit: number, reversed: boolean): Promise<Page> => {
      const sorting = reversed ? { sort, order: -direction } : this.#query.order && { sort, order: direction };
      return this.#page({ page, limit, ...sorting, ...fixed, q }, readJson);
    };
    const sortValue = (row: unknown): unknown => (isObject(row) ? lookUp(row, sort) : undefined);
    const decode = (raw: unknown): RecordOf[R] | Error => {
      try {
        return decodeRecord(types[this.#resource], raw, { source, type }, context);
      } catch (error) {
        operation.take(BAD_ROW_COST);
        return toError(error);
      }
    };
    const sizes = capabilities.pageSizes(principal.project, this.#resource, settings.pageLimit);
    const window = await readWindow(fetch, range, sizes, {
      isTied: (a, b) => sortValue(a) === sortValue(b),
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

  get #noun(): string {
    return RESOURCES[this.#resource].plural;
  }

  /** @throws GatewayError `UPSTREAM_UNSUPPORTED` if a row does not match the filter. Rows are never dropped silently. */
  #checkRows(filter: Filter, rows: readonly (DatatricsRecord | Error)[]): void {
    let mismatches = 0;
    for (const row of rows) if (!(row instanceof Error) && !filter.matches(row)) mismatches += 1;
    if (mismatches === 0) return;
    const { capabilities, principal } = this.#environment;
    capabilities.noteMismatches(principal, this.#noun, filter.name, mismatches, rows.length);
    throw unmatchedRows(this.#noun, filter.name);
  }

  /**
   * Requires `pii:read` for filters and orders by personal fields. Otherwise a caller could find a masked value by guessing.
   * @throws GatewayError `FORBIDDEN`
   */
  #checkPersonal(): void {
    const { context, principal, settings, types } = this.#environment;
    const { mask } = context;
    if (mask === undefined) return;
    const type = types[this.#resource];
    const hasAddressValue = ({ name, conditions }: Filter): boolean =>
      type.fields[name]?.custom === true && conditions.some(({ value }) => mask.hasAddress(value));
    const { filter, order } = this.#query;
    if (asksByPersonal(settings.masking, type, filter, order?.field) || this.#filters.some(hasAddressValue)) {
      checkAccess(principal.scopes, PERSONAL);
    }
  }

  /**
   * Rejects filters that the API ignores. Probes the API before the project's first list with a filter.
   * @throws GatewayError `UPSTREAM_UNSUPPORTED`
   */
  async #checkFilters(): Promise<void> {
    const { capabilities, operation, principal, settings } = this.#environment;
    const noun = this.#noun;
    // The gateway checks the source in every row, even where it is a REST parameter.
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
        return (await this.#page({ page: 1, limit: 1, type: this.#query.type, q })).rows.length === 0;
      },
    );
    if (!works) throw unsupportedFilter(noun, first.name);
  }

  /** A documented field for the probe. If the API ignores a project's custom field, it may still filter by others. */
  #fieldToProbe(): string {
    const { fields } = this.#environment.types[this.#resource];
    const documented = this.#sent.find(({ name }) => fields[name]?.custom !== true);
    return documented?.conditions[0]?.field ?? 'source';
  }
}
