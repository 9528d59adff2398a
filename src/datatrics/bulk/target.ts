import type { Operation } from '../../upstream/operation.ts';
import type { BoundClient } from '../client.ts';
import type { WriteSettings } from '../encode.ts';
import { ENDPOINTS, endpointFor, type Resource, typeParameter } from '../endpoints.ts';
import { canonicalKey, type RecordKey } from '../keys.ts';
import { RawJson } from '../raw-json.ts';
import { isObject } from '../records/fields.ts';
import { RECORD_TYPES, type RecordOf } from '../records/record-types.ts';
import type { Page } from '../responses.ts';
import type { Session } from '../session.ts';
import type { Pending } from './items.ts';

/**
 * The API's answer for one item: the record; null if it was written but the client does not want or may not read it;
 * undefined if the answer does not contain it.
 */
export type Answered = RecordOf[Resource] | null | undefined;

/** The destination of a bulk write. */
export interface BulkTarget {
  readonly resource: Resource;
  readonly settings: WriteSettings;
  /**
   * Sends one chunk. Returns the answer for each item, in order; null for an answer without a body.
   * @throws GatewayError
   */
  send(chunk: readonly Pending[]): Promise<readonly Answered[] | null>;
  /** Number of REST calls that the operation has made. */
  calls(): number;
  /** Forgets what was read of a record, after a write. */
  forget(key: RecordKey): void;
}

/** Placeholder for a missing source. No record has an empty source, which could not be sent. */
const NO_SOURCE = '';

/**
 * Creates the target for a resource's bulk endpoint and one operation.
 *
 * @param wantsRecords whether the client selects the written records. It gets them only if it may read the resource
 */
export function createTarget(
  resource: Resource,
  client: BoundClient,
  session: Session,
  operation: Operation,
  wantsRecords = true,
): BulkTarget {
  const isWanted = wantsRecords && session.mayRead(resource);
  const { idNames } = RECORD_TYPES[resource];

  async function send(chunk: readonly Pending[]): Promise<readonly Answered[] | null> {
    const [first] = chunk as [Pending];
    const page = await post(client, resource, first.key, chunk);
    if (page === null) return null;
    const { rows } = page;
    const isInOrder = rows.length === chunk.length && rows.every((raw, at) => hasKey(raw, (chunk[at] as Pending).key));
    if (!isInOrder) return matchRows(chunk, rows);
    if (!isWanted) return chunk.map(() => null);
    return rows.map((raw, at) => session.decodeWritten(resource, raw, (chunk[at] as Pending).key) ?? undefined);
  }

  /** Whether a raw row has this key exactly as it was sent. This check is cheaper than decoding the row. */
  function hasKey(raw: unknown, { id, source }: RecordKey): boolean {
    if (!isObject(raw) || raw.source !== source) return false;
    const { metadata } = raw;
    for (const name of idNames) {
      const value = raw[name];
      if (value !== undefined) return value === id;
      // The decoder reads an id under `metadata` before it tries the other names.
      if (isObject(metadata) && metadata[name] !== undefined) return false;
    }
    return false;
  }

  /** Matches rows to items by decoded key. Rows may be missing, in any order, or have keys in another format. */
  function matchRows(chunk: readonly Pending[], rows: readonly unknown[]): Answered[] {
    const [first] = chunk as [Pending];
    const byId = new Map(chunk.map(({ key }) => [key.id, key]));
    const answered = new Map<string, RecordOf[Resource]>();
    for (const raw of rows) {
      let record = session.decodeWritten(resource, raw, { ...first.key, source: NO_SOURCE });
      if (record?.key.source === NO_SOURCE) {
        // A row without a source has that of the item with its id.
        const key = byId.get(record.key.id);
        record = key ? session.decodeWritten(resource, raw, key) : null;
      }
      if (record) answered.set(canonicalKey(record.key), record);
    }
    return chunk.map(({ name }) => {
      const record = answered.get(name);
      return record && !isWanted ? null : record;
    });
  }

  return {
    resource,
    settings: session.settings,
    send,
    calls: () => operation.usage.calls,
    forget: (key) => session.forget(key),
  };
}

/** Makes the REST call for a chunk. Joins the items' JSON instead of serializing them again. */
function post(
  client: BoundClient,
  resource: Resource,
  key: RecordKey,
  chunk: readonly Pending[],
): Promise<Page | null> {
  const name = endpointFor(resource, 'bulk');
  const { sourceOnTop, itemsKey } = ENDPOINTS[name];
  const items = chunk.map(({ json }) => json).join(',');
  const source = sourceOnTop ? `"source":${JSON.stringify(key.source)},` : '';
  const ids = chunk.map((item) => item.key.id);
  return client.write(name, typeParameter(name, key.type), new RawJson(`{${source}"${itemsKey}":[${items}]}`, ids));
}
