import type { IncomingMessage } from 'node:http';
import { type Action, RESOURCES } from '../datatrics/endpoints.ts';
import { ApiError, badRequest } from './errors.ts';
import type { Effects } from './faults.ts';
import { decodeSegment, parseQuery, type Query, readCount, readOrder } from './query.ts';
import { buildRecord, readItem, type WrittenItem } from './record.ts';
import { isObject, type JsonObject, type Kind, type Store } from './store.ts';

/** How the API names and serves the records of one path. */
type Resource = (typeof RESOURCES)[keyof typeof RESOURCES];

const BY_SEGMENT: ReadonlyMap<string | undefined, Resource> = new Map(
  Object.values(RESOURCES).map((resource) => [resource.segment, resource]),
);
const KINDS: Readonly<Record<string, readonly Kind[]>> = {
  profile: ['profile'],
  content: ['item', 'category'],
  sale: ['conversion'],
  interaction: ['interaction'],
};
/** Methods for one record, by the actions of its resource. */
const METHODS: Readonly<Partial<Record<Action, string>>> = { get: 'GET', update: 'PUT', delete: 'DELETE' };
const BULK_TYPES: ReadonlyMap<string | undefined, Kind> = new Map([
  ['items', 'item'],
  ['categories', 'category'],
]);
const MAX_BULK_ITEMS = 50;

interface Call {
  readonly method: string;
  readonly resource: Resource;
  readonly query: Query;
  readonly body: string;
  readonly store: Store;
  /** Effects of faults. This module applies those that change the content; the server applies the others. */
  readonly effects: Effects;
}

/** Returns the body of the response to a request. @throws ApiError for every status except 200 */
export function answerApi(
  { method = '', url = '', headers }: IncomingMessage,
  body: string,
  sandbox: { readonly store: Store; readonly project: string; readonly apiKey: string },
  effects: Effects,
): JsonObject {
  const [path = '', search = ''] = url.split(/\?(.*)/s);
  const [empty, version, root, project, segment, id, ...rest] = path.split('/').map(decodeSegment);
  const query = parseQuery(search);
  if (empty !== '' || version !== '2.0' || root !== 'project' || !project) throw noEndpoint();
  if ((headers['x-apikey'] ?? query.values.get('apikey')) !== sandbox.apiKey) {
    throw new ApiError(403, 'The API key is missing or invalid.');
  }
  if (project !== sandbox.project) throw new ApiError(404, 'The project does not exist.');
  const resource = BY_SEGMENT.get(segment);
  if (!resource || id === '' || rest.length > 0) throw noEndpoint();
  return dispatch({ method, resource, query, body, store: sandbox.store, effects }, id);
}

function dispatch(call: Call, id: string | undefined): JsonObject {
  const { method } = call;
  if (id === 'bulk' && method === 'POST') return writeBulk(call);
  const allowed = id === undefined ? ['GET', 'POST'] : call.resource.actions.flatMap((action) => METHODS[action] ?? []);
  if (!allowed.includes(method)) {
    throw new ApiError(405, `${method} is not allowed; allowed are ${allowed.join(', ')}.`, {
      allow: allowed.join(', '),
    });
  }
  if (id === undefined) return method === 'GET' ? list(call) : write(call);
  if (method === 'PUT') return write(call, id);
  return method === 'GET' ? get(call, id) : remove(call, id);
}

function get(call: Call, id: string): JsonObject {
  const { values } = call.query;
  const kind = kindOf(call, values.get('type'));
  const record = call.store.get(kind, required(values.get('source'), 'source'), id);
  if (record === undefined) throw noRecord();
  return record;
}

function list(call: Call): JsonObject {
  const { resource, query } = call;
  const kind = kindOf(call, query.values.get('type'));
  const page = readCount(query, 'page', 1);
  const limit = readCount(query, 'limit', resource.defaults.limit);
  const order = readOrder(query, resource.defaults.order);
  const sort = query.values.get('sort') || 'created';
  const filters = call.effects.ignoreFilters ? [] : [...query.filters];
  const source = kind === 'profile' ? query.values.get('source') : undefined;
  if (source) filters.push({ field: 'source', op: '$eq', values: [source] });
  const selected = call.store.select(kind, { sort, order, filters, page, limit });
  const hasTotals = query.values.get('includecount') !== '0';
  return envelope(hasTotals ? resource.totals.list : undefined, page, limit, selected);
}

/** @param id that an update has in its URL */
function write(call: Call, id?: string): JsonObject {
  const { resource, query } = call;
  const kind = kindOf(call, query.values.get('type'));
  const item = readItem(resource.body, readBody(call));
  if (id !== undefined) {
    if (item.key.id !== id) throw badRequest(`${resource.body.idKey} differs from the id in the URL.`);
    if (!call.store.get(kind, item.key.source, id)) throw noRecord();
  }
  refusePoison([item], call.effects);
  return store(call.store, kind, item);
}

function writeBulk(call: Call): JsonObject {
  const { resource, query, effects } = call;
  const type = query.values.get('type');
  const kind = resource.segment === 'content' ? BULK_TYPES.get(type) : kindOf(call, type);
  if (!kind) throw badRequest('type must be items or categories.');
  const body = readBody(call);
  const { itemsKey, sourceOnTop } = resource.bulk;
  const sent = body[itemsKey];
  if (!Array.isArray(sent)) throw badRequest(`${itemsKey} must be a list.`);
  if (sent.length > MAX_BULK_ITEMS) throw badRequest(`A bulk request may have at most ${MAX_BULK_ITEMS} items.`);
  const items = sent.map((item) => readItem(resource.body, item, sourceOnTop ? body.source : undefined));
  refusePoison(items, effects);
  const rows = items.map((item) => store(call.store, kind, item));
  return envelope(resource.totals.bulk, 1, rows.length, { total: rows.length, rows });
}

function remove(call: Call, id: string): JsonObject {
  const { query, body } = call;
  const inBody = body.trim() === '' ? {} : readBody(call);
  const value = (name: string): string | undefined => query.values.get(name) ?? textOf(inBody[name]);
  const kind = kindOf(call, value('type'));
  if (!call.store.delete(kind, required(value('source'), 'source'), id)) throw noRecord();
  return { status: 200, message: 'The content was removed.' };
}

function store(records: Store, kind: Kind, item: WrittenItem): JsonObject {
  const record = buildRecord(kind, item, records.get(kind, item.key.source, item.key.id));
  records.put(kind, record, item.key);
  return record;
}

/** @param name of the total; undefined: no totals */
function envelope(
  name: string | undefined,
  page: number,
  limit: number,
  { total, rows }: ReturnType<Store['select']>,
): JsonObject {
  const pages = limit === 0 ? 0 : Math.ceil(total / limit);
  const totals = name && { [name]: total, [name.startsWith('total_') ? 'total_pages' : 'totalPages']: pages };
  return { ...totals, page, size: rows.length, items: rows };
}

/** Returns the kind of record. Only content needs a `type`. @throws ApiError 400 without a valid one */
function kindOf({ resource }: Call, type: string | undefined): Kind {
  const kinds = KINDS[resource.segment] ?? [];
  const kind = kinds.length === 1 ? kinds[0] : kinds.find((one) => one === type);
  if (!kind) throw badRequest('type is required: item or category.');
  return kind;
}

function readBody({ body }: Call): JsonObject {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    throw badRequest('The body is not JSON.');
  }
  if (!isObject(json)) throw badRequest('The body must be a JSON object.');
  return json;
}

/** @throws ApiError for an id in the fault `poisonIds` */
function refusePoison(items: readonly WrittenItem[], { poisonIds, poisonStatus = 400 }: Effects): void {
  const bad = poisonIds && items.find(({ key }) => poisonIds.includes(key.id));
  if (bad) throw new ApiError(poisonStatus, `The record ${bad.key.id} was refused.`);
}

function required(value: string | undefined, name: string): string {
  if (!value) throw badRequest(`${name} is required.`);
  return value;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function noEndpoint(): ApiError {
  return new ApiError(404, 'The endpoint does not exist.');
}

function noRecord(): ApiError {
  return new ApiError(404, 'The record does not exist.');
}
