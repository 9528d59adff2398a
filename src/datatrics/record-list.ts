import { randomBytes } from 'node:crypto';
import { toError } from '../lib/error.ts';
import { asksByPersonal, checkAccess, PERSONAL } from './access.ts';
import { unsupportedFilter } from './capabilities.ts';
import { type ContentType, RESOURCES, type Resource } from './endpoints.ts';
import { createFilters, type Filter, type FilterInput, ofSource } from './filter.ts';
import type { ReadJson } from './json-selection.ts';
import { markOfKey } from './keys.ts';
import { type Range, readWindow } from './paging.ts';
import type { CallArgs } from './paths.ts';
import type { ReadEnvironment } from './read-environment.ts';
import { isObject, lookUp } from './records/fields.ts';
import { decodeRecord, sortNameOf } from './records/record.ts';
import type { RecordOf } from './records/record-types.ts';
import type { Page } from './responses.ts';
import type { Window } from './window.ts';

/** The filter and order of a list, in GraphQL names. */
export interface ListQuery {
  /** Content only. */
  readonly type?: ContentType | undefined;
  readonly source?: string | undefined;
  readonly filter?: FilterInput | null | undefined;
  /** By a field of the records, or one of the type's `sorts`. Default: the API's own order. */
  readonly order?: { readonly field: string; readonly direction: 1 | -1 } | null | undefined;
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
  /** REST name. */
  readonly #sort: string;
  readonly #direction: 1 | -1;

  /** @throws GatewayError `BAD_USER_INPUT` for a filter value that cannot be sent to the API */
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
    const type = environment.types[resource];
    const { filter, source, order } = query;
    const fieldFilters = createFilters(type, filter, environment.settings);
    this.#filters = source === undefined ? fieldFilters : [...fieldFilters, ofSource(source)];
    this.#sent = sourceParameter ? fieldFilters : this.#filters;
    this.#sort = order ? sortNameOf(type, order.field) : defaults.sort;
    this.#direction = order ? order.direction : defaults.order;
  }

  /** Values that identify this list, for cursors. An explicit order that equals the API's default gives the same list. */
  get identity(): readonly unknown[] {
    const { type = null, source = null } = this.#query;
    const conditions = this.#filters.filter(({ name }) => name !== 'source').flatMap((filter) => filter.conditions);
    const { project } = this.#environment.client.principal;
    return [project, this.#resource, type, source, this.#sort, this.#direction, conditions];
  }

  /**
   * Reads part of the list, with one or two calls as a rule. Decodes each row and checks it against the filters. A row that
   * cannot be decoded is an Error.
   * @throws GatewayError `FORBIDDEN` for a personal field without `pii:read`, `UPSTREAM_UNSUPPORTED` for a filter that the
   *   API ignores, and the errors of `readWindow`
   */
  async read(range: Range): Promise<Window<RecordOf[R] | Error>> {
    const { types, context, capabilities, client, settings, selection } = this.#environment;
    this.#checkPersonal();
    await this.#checkFilters();

    const resource = this.#resource;
    const sort = this.#sort;
    const { type, source, order } = this.#query;
    const fixed = { type, ...(RESOURCES[resource].sourceParameter && source !== undefined && { source }) };
    const q = this.#sent.flatMap((filter) => filter.conditions);
    const readJson = selection?.pageReader(
      types[resource],
      this.#filters.map(({ name }) => name),
      [sort, ...this.#filters.flatMap(({ conditions }) => conditions.map(({ field }) => field))],
    );
    const fetch = (page: number, limit: number, reversed: boolean): Promise<Page> => {
      const direction = reversed ? -this.#direction : this.#direction;
      return this.#page({ page, limit, ...((order || reversed) && { sort, order: direction }), ...fixed, q }, readJson);
    };
    const sortValue = (row: unknown): unknown => (isObject(row) ? lookUp(row, sort) : undefined);
    const decode = (raw: unknown): RecordOf[R] | Error => {
      try {
        return decodeRecord(types[resource], raw, { source, type }, context);
      } catch (error) {
        client.operation.take(BAD_ROW_COST);
        return toError(error);
      }
    };
    const sizes = capabilities.pageSizes(client.principal.project, resource, settings.pageLimit);
    const window = await readWindow(fetch, range, sizes, {
      isTied: (a, b) => sortValue(a) === sortValue(b),
      markOf(raw) {
        const record = decode(raw);
        return record instanceof Error ? undefined : markOfKey(record.key);
      },
    });
    if (client.operation.isOver) return { ...window, rows: [] };
    const rows = window.rows.map(decode);
    for (const filter of this.#filters) this.#checkRows(filter, rows);
    return { ...window, rows };
  }

  /** Rejects a page with a row that does not match the filter: rows are never dropped silently. */
  #checkRows(filter: Filter, rows: readonly (RecordOf[R] | Error)[]): void {
    let mismatches = 0;
    for (const row of rows) if (!(row instanceof Error) && !filter.matches(row)) mismatches += 1;
    if (mismatches === 0) return;
    const { capabilities, client } = this.#environment;
    const { plural } = RESOURCES[this.#resource];
    capabilities.noteMismatches(client.principal, plural, filter.name, mismatches, rows.length);
    throw unsupportedFilter(plural, filter.name);
  }

  /** Requires `pii:read` for filters and orders by personal fields: a caller could find a masked value by guessing. */
  #checkPersonal(): void {
    const { context, client, settings, types } = this.#environment;
    const { mask } = context;
    if (mask === undefined) return;
    const type = types[this.#resource];
    const hasAddressValue = ({ name, conditions }: Filter): boolean =>
      type.fields[name]?.custom === true && conditions.some(({ value }) => mask.hasAddress(value));
    const { filter, order } = this.#query;
    if (asksByPersonal(settings.masking, type, filter, order?.field) || this.#filters.some(hasAddressValue)) {
      checkAccess(client.principal.scopes, PERSONAL);
    }
  }

  /** Rejects filters that the API ignores. Probes the API before the project's first list with a filter. */
  async #checkFilters(): Promise<void> {
    const { capabilities, client, settings, types } = this.#environment;
    const { plural } = RESOURCES[this.#resource];
    const [first] = this.#sent;
    if (first && settings.filters === 'off') throw unsupportedFilter(plural, first.name);
    for (const { name } of this.#filters) capabilities.checkFilter(client.principal, plural, name);
    if (!first || settings.filters === 'on') return;

    // By a documented field: if the API ignores a project's custom field, it may still filter by others.
    const { fields } = types[this.#resource];
    const documented = this.#sent.find(({ name }) => fields[name]?.custom !== true);
    const field = documented?.conditions[0]?.field ?? 'source';
    const works = await capabilities.isFilterable(
      client.principal,
      (probe) => client.operation.until(probe),
      async () => {
        const q = [{ field, value: IMPOSSIBLE }];
        return (await this.#page({ page: 1, limit: 1, type: this.#query.type, q })).rows.length === 0;
      },
    );
    if (!works) throw unsupportedFilter(plural, first.name);
  }
}
