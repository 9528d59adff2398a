import { createHash } from 'node:crypto';
import type { ArgBuilder } from '@pothos/core';
import type { Resource } from '../datatrics/endpoints.ts';
import { checkSource, MARK_CHARACTERS, markOfKey } from '../datatrics/keys.ts';
import type { Range } from '../datatrics/paging.ts';
import type { ListQuery } from '../datatrics/record-list.ts';
import type { DatatricsRecord } from '../datatrics/records/record.ts';
import type { RecordOf } from '../datatrics/records/record-types.ts';
import type { Session } from '../datatrics/session.ts';
import { badInput } from '../lib/error.ts';
import type { Builder, TypeRef } from './builder.ts';

/** Highest `first` or `last`. The REST calls behind it have a limit of their own: DATATRICS_PAGE_LIMIT. */
export const MAX_PAGE = 500;
/** Records of a page without `first` and `last`. */
export const DEFAULT_PAGE = 20;

/** The arguments of a list: Relay's paging, https://relay.dev/graphql/connections.htm, and what narrows and orders it. */
export interface ListArgs extends Pick<ListQuery, 'type' | 'filter'> {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly last?: number | null | undefined;
  readonly before?: string | null | undefined;
  readonly source?: string | null | undefined;
  readonly orderBy?: ListQuery['order'];
}

// biome-ignore lint/suspicious/noExplicitAny: the builder's own type parameter, which is not exported
export type Args = ArgBuilder<any>;

/** The four paging arguments, to spread into a field's `args`. */
export function connectionArgs(t: Args) {
  return {
    first: t.int({
      description: `Number of records from the start of the list, or after \`after\`: 1 to ${MAX_PAGE}. Default without \`last\`: ${DEFAULT_PAGE}.`,
    }),
    after: t.string({ description: 'Returns records after this cursor.' }),
    last: t.int({
      description: `Number of records from the end of the list, or before \`before\`: 1 to ${MAX_PAGE}. Not together with \`first\`.`,
    }),
    before: t.string({ description: 'Returns records before this cursor.' }),
  };
}

export interface Connection<R extends DatatricsRecord> {
  readonly edges: readonly Edge<R>[];
  readonly pageInfo: PageInfo;
  readonly totalCount: number | null;
}

/** Defines `<Name>Connection` and `<Name>Edge` for a type. */
export function defineConnection<R extends DatatricsRecord>(
  builder: Builder,
  type: TypeRef<R>,
): TypeRef<Connection<R>> {
  const { name } = type;
  const ref = builder.connectionObject(
    {
      type,
      name: `${name}Connection`,
      description: `A page of a list of ${name} records.`,
      fields: (t) => ({
        totalCount: t.int({
          nullable: true,
          description: 'Number of records in the whole list, at no extra cost; null when the API does not return it.',
          resolve: (connection) => (connection as unknown as Connection<R>).totalCount,
        }),
      }),
    },
    { name: `${name}Edge`, description: `A ${name} record and its cursor.` },
  );
  return ref as unknown as TypeRef<Connection<R>>;
}

/**
 * Reads a page of a list, in one or two REST calls.
 * @throws GatewayError `BAD_USER_INPUT` for invalid arguments, before any call
 */
export async function resolveConnection<R extends Resource>(
  session: Session,
  resource: R,
  args: ListArgs,
): Promise<Connection<RecordOf[R]>> {
  const { type, filter, orderBy: order } = args;
  const records = session.list(resource, { type, source: checkSource(args.source), filter, order });
  const list = fingerprint(records.identity);
  const { range, empty } = toRange(args, list);
  const window = await records.read(range);
  const rows = empty ? [] : window.rows;
  const edges = rows.map((node, index) => new Edge(node, window.start + index, list));
  return {
    edges,
    totalCount: window.total,
    pageInfo: new PageInfo(edges, empty ? window.rows.length > 0 : window.hasNext, window.hasPrevious),
  };
}

/*
 * The cursors are getters, because few clients select them. These are classes, because V8 creates a hidden class for each object
 * literal with getters, and that keeps the referenced objects alive until a full garbage collection.
 */

class PageInfo {
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
  readonly #edges: readonly Edge<DatatricsRecord>[];

  constructor(edges: readonly Edge<DatatricsRecord>[], hasNextPage: boolean, hasPreviousPage: boolean) {
    this.#edges = edges;
    this.hasNextPage = hasNextPage;
    this.hasPreviousPage = hasPreviousPage;
  }

  get startCursor(): string | null {
    return this.#edges[0]?.cursor ?? null;
  }

  get endCursor(): string | null {
    return this.#edges.at(-1)?.cursor ?? null;
  }
}

class Edge<R extends DatatricsRecord> {
  readonly node: R | Error;
  readonly #offset: number;
  readonly #list: string;

  constructor(node: R | Error, offset: number, list: string) {
    this.node = node;
    this.#offset = offset;
    this.#list = list;
  }

  get cursor(): string {
    const mark = this.node instanceof Error ? undefined : markOfKey(this.node.key);
    return encodeCursor({ offset: this.#offset, list: this.#list, mark });
  }
}

/**
 * Converts paging arguments to a range of rows. `empty`: no row can lie between the cursors. The range then has one row, which
 * `hasNextPage` and `hasPreviousPage` need.
 */
function toRange(args: ListArgs, list: string): { range: Range; empty: boolean } {
  const first = pageSize('first', args.first);
  const last = pageSize('last', args.last);
  if (first !== undefined && last !== undefined) throw badInput('first and last cannot be used together.');
  const after = args.after == null ? undefined : decodeCursor('after', args.after, list);
  const from = after === undefined ? 0 : after.offset + 1;
  const to = args.before == null ? Number.POSITIVE_INFINITY : decodeCursor('before', args.before, list).offset;
  if (to <= from) return { range: { start: from, size: 1, after: after?.mark }, empty: true };
  if (last === undefined) {
    const size = Math.min(first ?? DEFAULT_PAGE, to - from);
    return { range: { start: from, size, after: after?.mark }, empty: false };
  }
  if (to === Number.POSITIVE_INFINITY) return { range: { last, from }, empty: false };
  return { range: { before: to, from: Math.max(from, to - last) }, empty: false };
}

function pageSize(name: string, value: number | null | undefined): number | undefined {
  if (value === null || value === undefined) return undefined;
  if (value < 1 || value > MAX_PAGE) throw badInput(`${name} must be 1 to ${MAX_PAGE}, not ${value}.`);
  return value;
}

/** Short hash of the list's identity. Cursors contain it, so that the gateway can refuse a cursor of another list. */
function fingerprint(identity: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(identity)).digest('base64url').slice(0, 11);
}

interface Cursor {
  readonly offset: number;
  readonly list: string;
  /** Mark of the record's key; undefined for a row without a key. */
  readonly mark: string | undefined;
}

function encodeCursor({ offset, list, mark }: Cursor): string {
  return Buffer.from(mark === undefined ? `${offset}.${list}` : `${offset}.${list}.${mark}`).toString('base64url');
}

/** Maximum length of a cursor: 15 digits, two dots, 11 and MARK_CHARACTERS characters, as base64. */
const MAX_CURSOR_CHARACTERS = Math.ceil(((15 + 1 + 11 + 1 + MARK_CHARACTERS) * 4) / 3);
const CURSOR = new RegExp(`^(\\d{1,15})\\.([\\w-]{11})(?:\\.([\\w-]{${MARK_CHARACTERS}}))?$`);

function decodeCursor(name: string, text: string, list: string): Cursor {
  const plain = text.length > MAX_CURSOR_CHARACTERS ? '' : Buffer.from(text, 'base64url').toString('latin1');
  const match = CURSOR.exec(plain);
  const cursor = match && { offset: Number(match[1]), list: match[2] as string, mark: match[3] };
  if (!cursor || encodeCursor(cursor) !== text) throw badInput(`${name} is not a cursor of this gateway.`);
  if (cursor.list !== list) throw badInput(`${name} is a cursor of another list, order or filter.`);
  return cursor;
}
