import type { Operation } from '../../upstream/operation.ts';
import type { BoundClient } from '../client.ts';
import type { WriteSettings } from '../encode.ts';
import { RESOURCES, type Resource } from '../endpoints.ts';
import { canonicalKey, type RecordKey } from '../keys.ts';
import { isObject } from '../records/fields.ts';
import { RECORD_TYPES, type RecordOf } from '../records/record-types.ts';
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
    const { sourceOnTop, itemsKey } = RESOURCES[resource].bulk;
    const keys = chunk.map(({ key }) => key) as [RecordKey, ...RecordKey[]];
    const source = sourceOnTop ? `"source":${JSON.stringify(keys[0].source)},` : '';
    // Joins the items' JSON instead of serializing them again.
    const page = await client.bulk(keys, `{${source}"${itemsKey}":[${chunk.map(({ json }) => json).join(',')}]}`);
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
