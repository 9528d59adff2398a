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
import type { ReadContext } from './read-context.ts';
import { isObject, lookUp } from './records/fields.ts';
import { decodeRecord, sortNameOf } from './records/record.ts';
import type { RecordOf } from './records/record-types.ts';
import type { Page } from './responses.ts';
import type { Window } from './window.ts';

/** The filter and order of a list, in GraphQL names. */
export interface ListQuery {
  readonly type?: ContentType | undefined;
  readonly source?: string | undefined;
  readonly filter?: FilterInput | null | undefined;
  /** By a field of the records, or one of the type's `sorts`. Default: the API's own order. */
  readonly order?: { readonly field: string; readonly direction: 1 | -1 } | null | undefined;
}

export interface RecordList<R extends Resource> {
  /** Values that identify this list, for cursors. An explicit order that equals the API's default gives the same list. */
  readonly identity: readonly unknown[];
  /**
   * Reads part of the list, with one or two calls as a rule. Decodes each row and checks it against the filters. A row that
   * cannot be decoded is an Error.
   * @throws GatewayError `FORBIDDEN` for a personal field without `pii:read`, `UPSTREAM_UNSUPPORTED` for a filter that the
   *   API ignores, and the errors of `readWindow`
   */
  read(range: Range): Promise<Window<RecordOf[R] | Error>>;
}

/** Cost of the error for an unreadable row in the operation's budget, where a plain value costs 1. */
const BAD_ROW_COST = 40;

/** A value that no record has. Random, so that nobody can store a record with it. */
const IMPOSSIBLE = `filter-probe-${randomBytes(12).toString('hex')}`;

/**
 * Makes no call before `read`.
 * @param readPage makes one call
 * @throws GatewayError `BAD_USER_INPUT` for a filter value that cannot be sent to the API
 */
export function createList<R extends Resource>(
  resource: R,
  query: ListQuery,
  { types, context, capabilities, client, settings, selection }: ReadContext,
  readPage: (args: CallArgs, readJson?: ReadJson) => Promise<Page>,
): RecordList<R> {
  const { sourceParameter, defaults, plural } = RESOURCES[resource];
  const recordType = types[resource];
  const { principal, operation } = client;
  const { type, source, filter, order } = query;
  const fieldFilters = createFilters(recordType, filter, settings);
  /** The client's filters and the source. The gateway checks all of them in every row. */
  const filters = source === undefined ? fieldFilters : [...fieldFilters, ofSource(source)];
  /** The filters that the API receives as `q`: all, but not the source if the endpoint has a parameter for it. */
  const sent = sourceParameter ? fieldFilters : filters;
  const sort = order ? sortNameOf(recordType, order.field) : defaults.sort;
  const direction = order ? order.direction : defaults.order;
  const conditions = fieldFilters.flatMap((filter) => filter.conditions);
  const identity = [principal.project, resource, type ?? null, source ?? null, sort, direction, conditions];

  /** Requires `pii:read` for filters and orders by personal fields: a caller could find a masked value by guessing. */
  function checkPersonal(): void {
    const { mask } = context;
    if (mask === undefined) return;
    const hasAddressValue = ({ name, conditions }: Filter): boolean =>
      recordType.fields[name]?.custom === true && conditions.some(({ value }) => mask.hasAddress(value));
    if (asksByPersonal(settings.masking, recordType, filter, order?.field) || filters.some(hasAddressValue)) {
      checkAccess(principal.scopes, PERSONAL);
    }
  }

  /** Rejects filters that the API ignores. Probes the API before the project's first list with a filter. */
  async function checkFilters(): Promise<void> {
    const [first] = sent;
    if (first && settings.filters === 'off') throw unsupportedFilter(plural, first.name);
    for (const { name } of filters) capabilities.checkFilter(principal, plural, name);
    if (!first || settings.filters === 'on') return;

    // By a documented field: if the API ignores a project's custom field, it may still filter by others.
    const documented = sent.find(({ name }) => recordType.fields[name]?.custom !== true);
    const q = [{ field: documented?.conditions[0]?.field ?? 'source', value: IMPOSSIBLE }];
    const works = await capabilities.isFilterable(principal, operation, async () => {
      return (await readPage({ page: 1, limit: 1, type, q })).rows.length === 0;
    });
    if (!works) throw unsupportedFilter(plural, first.name);
  }

  function decode(raw: unknown): RecordOf[R] | Error {
    try {
      return decodeRecord(recordType, raw, query, context);
    } catch (error) {
      operation.take(BAD_ROW_COST);
      return toError(error);
    }
  }

  /** Rejects a page with a row that does not match the filter: rows are never dropped silently. */
  function checkRows({ name, matches }: Filter, rows: readonly (RecordOf[R] | Error)[]): void {
    let mismatches = 0;
    for (const row of rows) if (!(row instanceof Error) && !matches(row)) mismatches += 1;
    if (mismatches === 0) return;
    capabilities.noteMismatches(principal, plural, name, mismatches, rows.length);
    throw unsupportedFilter(plural, name);
  }

  async function read(range: Range): Promise<Window<RecordOf[R] | Error>> {
    checkPersonal();
    await checkFilters();
    const fixed = { type, ...(sourceParameter && source !== undefined && { source }) };
    const q = sent.flatMap((filter) => filter.conditions);
    const names = filters.flatMap((filter) => filter.conditions.map(({ field }) => field));
    const readJson = selection?.pageReader(
      recordType,
      filters.map(({ name }) => name),
      [sort, ...names],
    );
    const fetch = (page: number, limit: number, reversed: boolean): Promise<Page> => {
      const sorting = (order || reversed) && { sort, order: reversed ? -direction : direction };
      return readPage({ page, limit, ...sorting, ...fixed, q }, readJson);
    };
    const sortValue = (row: unknown): unknown => (isObject(row) ? lookUp(row, sort) : undefined);
    const sizes = capabilities.pageSizes(principal.project, resource, settings.pageLimit);
    const window = await readWindow(fetch, range, sizes, {
      isTied: (a, b) => sortValue(a) === sortValue(b),
      markOf(raw) {
        const record = decode(raw);
        return record instanceof Error ? undefined : markOfKey(record.key);
      },
    });
    if (operation.isOver) return { ...window, rows: [] };
    const rows = window.rows.map(decode);
    for (const filter of filters) checkRows(filter, rows);
    return { ...window, rows };
  }

  return { identity, read };
}
