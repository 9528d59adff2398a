import { badRequest } from './errors.ts';
import { isObject, type JsonObject, type Kind, type RecordKey } from './store.ts';

/** One record of a write's body: `{ [idKey], source, [wrapper]: fields }`. */
export interface WrittenItem {
  readonly key: RecordKey;
  /** As sent: a number stays one. */
  readonly id: string | number;
  readonly fields: JsonObject;
  /** What stands beside the wrapper. */
  readonly outer: JsonObject;
}

/** Fields of content that are written among the others and read under `metadata`. */
const CONTENT_METADATA = new Set(['source', 'itemtype', 'objecttype', 'created', 'updated', 'image']);

/**
 * @param source for an item that names none
 * @throws ApiError 400 that names what is missing
 */
export function readItem(
  { idKey, wrapper }: { readonly idKey: string; readonly wrapper: string },
  body: unknown,
  source?: unknown,
): WrittenItem {
  if (!isObject(body)) throw badRequest('An item must be a JSON object.');
  const id = body[idKey];
  if ((typeof id !== 'string' && typeof id !== 'number') || id === '') throw badRequest(`${idKey} is required.`);
  const itemSource = body.source ?? source;
  if (typeof itemSource !== 'string' || itemSource === '') throw badRequest('source is required.');
  const fields = body[wrapper];
  const isEmptyMap = Array.isArray(fields) && fields.length === 0;
  if (!isObject(fields) && !isEmptyMap) throw badRequest(`${wrapper} is required.`);
  return { key: { source: itemSource, id: `${id}` }, id, fields: isObject(fields) ? fields : {}, outer: body };
}

/**
 * The record as the API answers it. Fields that the write leaves out keep their value. Spread and `fromEntries`
 * throughout, for a field may be named `__proto__`.
 */
export function buildRecord(kind: Kind, item: WrittenItem, old: JsonObject = {}): JsonObject {
  if (kind === 'interaction') return buildInteraction(item, old);
  if (kind === 'item' || kind === 'category') return buildContent(kind, item, old);
  const key = { [kind === 'profile' ? 'profileid' : 'conversionid']: item.id, source: item.key.source };
  return withTimes({ ...key, ...old, ...item.fields, ...key }, item.fields);
}

function buildContent(kind: 'item' | 'category', { id, key, fields, outer }: WrittenItem, old: JsonObject): JsonObject {
  const isMetadata = ([name]: [string, unknown]): boolean => CONTENT_METADATA.has(name);
  const entries = Object.entries(fields).filter(([name]) => name !== 'metadata');
  const plain = Object.fromEntries(entries.filter((entry) => !isMetadata(entry)));
  const sent = { ...objectOf(fields.metadata), ...Object.fromEntries(entries.filter(isMetadata)) };
  const before = objectOf(old.metadata);
  const metadata = {
    ...before,
    itemtype: outer.itemtype ?? before.itemtype ?? (kind === 'item' ? 'product' : 'category'),
    ...sent,
    source: key.source,
    objecttype: kind,
  };
  const own = { id };
  return { ...own, ...old, ...plain, ...own, metadata: withTimes(metadata, sent) };
}

function buildInteraction({ id, key, fields, outer }: WrittenItem, old: JsonObject): JsonObject {
  const metadata = { datetime: now(), ...objectOf(old.metadata), ...fields };
  const objecttype = outer.objecttype ?? old.objecttype ?? 'interaction';
  return { ...old, interactionid: id, source: key.source, objecttype, metadata };
}

/** Defaults of `created` and `updated`; the names that Magento uses for them will do too. */
function withTimes(record: JsonObject, sent: JsonObject): JsonObject {
  const hasCreated = 'created' in record || 'created_at' in record;
  const hasUpdated = 'updated' in sent || 'updated_at' in sent;
  return { ...record, ...(hasCreated ? {} : { created: now() }), ...(hasUpdated ? {} : { updated: now() }) };
}

function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

/** `YYYY-MM-DD HH:MM:SS` in UTC. */
function now(): string {
  return new Date().toISOString().slice(0, 19).replace('T', ' ');
}
