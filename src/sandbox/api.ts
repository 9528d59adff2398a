import { ApiError, badRequest } from './errors.ts';
import type { Effects } from './faults.ts';
import { decodeSegment, parseQuery, type Query, readCount, readOrder } from './query.ts';
import { buildRecord, readItem, type WrittenItem } from './record.ts';
import { isObject, type JsonObject, type Kind, type SelectedPage, type Store } from './store.ts';

export interface ApiRequest {
  readonly method: string;
  /** Undecoded, without the query. */
  readonly path: string;
  /** Undecoded, without the question mark. */
  readonly query: string;
  readonly apiKey: string | undefined;
  readonly body: string;
}

export interface ApiContext {
  readonly store: Store;
  readonly project: string;
  readonly apiKey: string;
  /** Effects of faults. This module applies those that change the content; the server applies the others. */
  readonly effects: Effects;
}

/** Names of an endpoint's fields for the number of records and of pages. */
type TotalNames = readonly [elements: string, pages: string];

/** The differences between the resources. */
interface Resource {
  readonly wrapper: string;
  readonly idKey: string;
  readonly bulkKey: string;
  readonly kinds: readonly Kind[];
  readonly limit: number;
  readonly order: 1 | -1;
  readonly listTotals: TotalNames;
  readonly bulkTotals: TotalNames;
  /** Allowed methods for one record. */
  readonly methods: readonly string[];
}

const ITEMS: TotalNames = ['total_items', 'total_pages'];
const CAMEL: TotalNames = ['totalElements', 'totalPages'];
const COMMON = { limit: 500, order: -1, listTotals: ITEMS, bulkTotals: ITEMS, methods: ['GET'] } as const;

const RESOURCES: Readonly<Record<string, Resource>> = {
  profile: {
    wrapper: 'profile',
    idKey: 'profileid',
    bulkKey: 'profiles',
    kinds: ['profile'],
    limit: 100,
    order: 1,
    listTotals: ['total_elements', 'total_pages'],
    bulkTotals: CAMEL,
    methods: ['GET', 'PUT'],
  },
  content: {
    ...COMMON,
    wrapper: 'item',
    idKey: 'itemid',
    bulkKey: 'items',
    kinds: ['item', 'category'],
    listTotals: CAMEL,
    bulkTotals: CAMEL,
    methods: ['GET', 'PUT', 'DELETE'],
  },
  sale: { ...COMMON, wrapper: 'conversion', idKey: 'conversionid', bulkKey: 'items', kinds: ['conversion'] },
  interaction: {
    ...COMMON,
    wrapper: 'interaction',
    idKey: 'interactionid',
    bulkKey: 'interactions',
    kinds: ['interaction'],
  },
};

const BULK_TYPES: Readonly<Record<string, Kind>> = { items: 'item', categories: 'category' };
const MAX_BULK_ITEMS = 50;

/** One request with its resource. */
interface Call {
  readonly resource: Resource;
  readonly query: Query;
  readonly body: string;
  readonly context: ApiContext;
}

/**
 * Handles one API request. Returns the body of the response.
 * @throws ApiError for every status except 200
 */
export function answerApi(request: ApiRequest, context: ApiContext): JsonObject {
  const [empty, version, root, project, name, id, ...rest] = request.path.split('/').map(decodeSegment);
  const query = parseQuery(request.query);
  if (empty !== '' || version !== '2.0' || root !== 'project' || !project) throw noEndpoint();
  if ((request.apiKey ?? query.values.get('apikey')) !== context.apiKey) {
    throw new ApiError(403, 'The API key is missing or invalid.');
  }
  if (project !== context.project) throw new ApiError(404, 'The project does not exist.');
  const resource = name !== undefined && Object.hasOwn(RESOURCES, name) ? RESOURCES[name] : undefined;
  if (!resource || id === '' || rest.length > 0) throw noEndpoint();
  const call: Call = { resource, query, body: request.body, context };
  return dispatch(call, request.method, id);
}

function dispatch(call: Call, method: string, id: string | undefined): JsonObject {
  if (id === 'bulk' && method === 'POST') return writeBulk(call);
  const allowed = id === undefined ? ['GET', 'POST'] : call.resource.methods;
  if (!allowed.includes(method)) {
    throw new ApiError(405, `${method} is not allowed; allowed are ${allowed.join(', ')}.`, {
      allow: allowed.join(', '),
    });
  }
  if (id === undefined) return method === 'GET' ? list(call) : create(call);
  if (method === 'PUT') return update(call, id);
  return method === 'GET' ? get(call, id) : remove(call, id);
}

function get(call: Call, id: string): JsonObject {
  const { query, context } = call;
  const kind = kindOf(call, query.values.get('type'));
  const source = required(query.values.get('source'), 'source');
  const record = context.store.get(kind, source, id);
  if (record === undefined) throw noRecord();
  return record;
}

function list(call: Call): JsonObject {
  const { resource, query, context } = call;
  const { ignoreFilters, noTotals } = context.effects;
  const kind = kindOf(call, query.values.get('type'));
  const page = readCount(query, 'page', 1);
  const limit = readCount(query, 'limit', resource.limit);
  const order = readOrder(query, resource.order);
  const sort = query.values.get('sort') || 'created';
  const filters = ignoreFilters ? [] : [...query.filters];
  const source = kind === 'profile' ? query.values.get('source') : undefined;
  if (source) filters.push({ field: 'source', op: '$eq', values: [source] });
  const selected = context.store.select(kind, { sort, order, filters, page, limit });
  const hasTotals = !noTotals && query.values.get('includecount') !== '0';
  return envelope(hasTotals ? resource.listTotals : null, page, limit, selected);
}

function create(call: Call): JsonObject {
  const { resource, query, context } = call;
  const kind = kindOf(call, query.values.get('type'));
  const item = readItem(resource, readBody(call));
  refusePoison([item], context.effects);
  return store(context.store, kind, item);
}

function update(call: Call, id: string): JsonObject {
  const { resource, query, context } = call;
  const kind = kindOf(call, query.values.get('type'));
  const item = readItem(resource, readBody(call));
  if (item.key.id !== id) throw badRequest(`${resource.idKey} differs from the id in the URL.`);
  if (!context.store.get(kind, item.key.source, id)) throw noRecord();
  refusePoison([item], context.effects);
  return store(context.store, kind, item);
}

function writeBulk(call: Call): JsonObject {
  const { resource, query, context } = call;
  const { effects } = context;
  const type = resource.kinds.length > 1 ? required(query.values.get('type'), 'type') : undefined;
  const kind = type === undefined ? resource.kinds[0] : Object.hasOwn(BULK_TYPES, type) && BULK_TYPES[type];
  if (!kind) throw badRequest('type must be items or categories.');
  const body = readBody(call);
  const sent = body[resource.bulkKey];
  if (!Array.isArray(sent)) throw badRequest(`${resource.bulkKey} must be a list.`);
  if (sent.length > MAX_BULK_ITEMS) throw badRequest(`A bulk request may have at most ${MAX_BULK_ITEMS} items.`);
  const source = kind === 'conversion' ? body.source : undefined;
  const items = sent.map((item) => readItem(resource, item, source));
  refusePoison(items, effects);
  const rows = items.map((item) => store(context.store, kind, item));
  return envelope(effects.noTotals ? null : resource.bulkTotals, 1, rows.length, { total: rows.length, rows });
}

function remove(call: Call, id: string): JsonObject {
  const { query, body, context } = call;
  const inBody = body.trim() === '' ? {} : readBody(call);
  const value = (name: string): string | undefined => query.values.get(name) ?? textOf(inBody[name]);
  const kind = kindOf(call, value('type'));
  if (!context.store.delete(kind, required(value('source'), 'source'), id)) throw noRecord();
  return { status: 200, message: 'The content was removed.' };
}

function store(records: Store, kind: Kind, item: WrittenItem): JsonObject {
  const record = buildRecord(kind, item, records.get(kind, item.key.source, item.key.id));
  // Throws for a record that is nested too deeply, which would break every list.
  JSON.stringify(record);
  records.put(kind, record, item.key);
  return record;
}

function envelope(names: TotalNames | null, page: number, limit: number, { total, rows }: SelectedPage): JsonObject {
  const pages = limit === 0 ? 0 : Math.ceil(total / limit);
  const totals = names && { [names[0]]: total, [names[1]]: pages };
  return { ...totals, page, size: rows.length, items: rows };
}

/** Returns the kind of record. Only content needs a `type`. @throws ApiError 400 without a valid one */
function kindOf({ resource }: Call, type: string | undefined): Kind {
  const { kinds } = resource;
  if (kinds.length === 1) return kinds[0] as Kind;
  const kind = kinds.find((one) => one === type);
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
