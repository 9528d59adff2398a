import { badRequest } from './errors.ts';
import { isObject, type JsonObject, type Kind } from './store.ts';

export type WrittenItem = ReturnType<typeof readItem>;

/** Fields of content that a write has at the top level and a read has under `metadata`. */
const CONTENT_METADATA = new Set(['source', 'itemtype', 'objecttype', 'created', 'updated', 'image']);

/**
 * Reads one record in the body of a write: `{ [idKey], source, [wrapper]: fields }`, maybe with more fields beside these.
 *
 * @param source default for an item without a source
 * @throws ApiError 400 that names the missing field
 */
export function readItem(
  { idKey, wrapper }: { readonly idKey: string; readonly wrapper: string },
  body: unknown,
  source?: unknown,
) {
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
 * Returns the record in the form of the API's responses. Fields that the write omits keep their values. The code uses only
 * spread and `fromEntries`, since a field may have the name `__proto__`.
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

/** Adds defaults for `created` and `updated`, unless the record has them under these names or those of Magento. */
function withTimes(record: JsonObject, sent: JsonObject): JsonObject {
  const hasCreated = 'created' in record || 'created_at' in record;
  const hasUpdated = 'updated' in sent || 'updated_at' in sent;
  return { ...record, ...(hasCreated ? {} : { created: now() }), ...(hasUpdated ? {} : { updated: now() }) };
}

function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

/** Returns the current time as `YYYY-MM-DD HH:MM:SS`, in UTC. */
function now(): string {
  return new Date().toISOString().slice(0, 19).replace('T', ' ');
}
