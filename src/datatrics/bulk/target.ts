import type { Operation } from '../../upstream/operation.ts';
import type { BoundClient } from '../client.ts';
import type { WriteSettings } from '../encode.ts';
import { RESOURCES, type Resource } from '../endpoints.ts';
import { canonicalKey, type RecordKey } from '../keys.ts';
import type { RecordOf } from '../records/record-types.ts';
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

function isSame(a: RecordKey | undefined, b: RecordKey): boolean {
  return a?.id === b.id && a.source === b.source;
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

  async function send(chunk: readonly Pending[]): Promise<readonly Answered[] | null> {
    const { sourceOnTop, itemsKey } = RESOURCES[resource].bulk;
    const keys = chunk.map(({ key }) => key) as [RecordKey, ...RecordKey[]];
    const source = sourceOnTop ? `"source":${JSON.stringify(keys[0].source)},` : '';
    // Joins the items' JSON instead of serializing them again.
    const page = await client.bulk(keys, `{${source}"${itemsKey}":[${chunk.map(({ json }) => json).join(',')}]}`);
    if (page === null) return null;
    const requested = { ...keys[0], source: NO_SOURCE };
    const records = page.rows.map((raw) => session.decodeWritten(resource, raw, requested));
    const isInOrder = records.length === keys.length && keys.every((key, at) => isSame(records[at]?.key, key));
    const answered: readonly (Answered | null)[] = isInOrder ? records : match(chunk, page.rows, records);
    return isWanted ? answered : answered.map((record) => record && null);
  }

  /** Matches records to items by key. They may be missing, or in any order. */
  function match(
    chunk: readonly Pending[],
    rows: readonly unknown[],
    records: readonly (RecordOf[Resource] | null)[],
  ): Answered[] {
    const byId = new Map(chunk.map(({ key }) => [key.id, key]));
    const answered = new Map<string, RecordOf[Resource]>();
    records.forEach((decoded, at) => {
      // A row without a source has that of the item with its id.
      const key = decoded?.key.source === NO_SOURCE ? byId.get(decoded.key.id) : undefined;
      const record = key ? session.decodeWritten(resource, rows[at], key) : decoded;
      if (record) answered.set(canonicalKey(record.key), record);
    });
    return chunk.map(({ name }) => answered.get(name));
  }

  return {
    resource,
    settings: session.settings,
    send,
    calls: () => operation.usage.calls,
    forget: (key) => session.forget(key),
  };
}
