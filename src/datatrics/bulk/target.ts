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

/** The record of an item that went in; null when its writer is not to see it, undefined for an item that did not go in. */
export type Answered = RecordOf[Resource] | null | undefined;

/** Where the items of one bulk write go, and what is needed to tell what became of them. */
export interface BulkTarget {
  readonly resource: Resource;
  readonly settings: WriteSettings;
  /** Sends one chunk; gives what the API answered of each of its items, null when it answered nothing. */
  send(chunk: readonly Pending[]): Promise<readonly Answered[] | null>;
  /** REST calls that the operation has made. */
  calls(): number;
  /** What was known of a record is out of date. */
  forget(key: RecordKey): void;
}

/** No source: it could not be sent. */
const UNSAID = '';

/**
 * The bulk endpoint of a resource, for one operation.
 *
 * @param wantsRecords whether the writer asks for the records as they are now, which it is given where it may see them
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
    const inOrder = rows.length === chunk.length && rows.every((raw, at) => isPlainly(raw, (chunk[at] as Pending).key));
    if (!inOrder) return match(chunk, rows);
    if (!isWanted) return chunk.map(() => null);
    return rows.map((raw, at) => session.decodeWritten(resource, raw, (chunk[at] as Pending).key) ?? undefined);
  }

  /** Whether a row has the key as it was sent, so that it need not be read to tell whose it is. */
  function isPlainly(raw: unknown, { id, source }: RecordKey): boolean {
    if (!isObject(raw) || raw.source !== source) return false;
    const { metadata } = raw;
    for (const name of idNames) {
      const value = raw[name];
      if (value !== undefined) return value === id;
      // It may stand there instead, and then comes before the other names.
      if (isObject(metadata) && metadata[name] !== undefined) return false;
    }
    return false;
  }

  /** Rows in any order, some missing, or with their keys spelled otherwise. */
  function match(chunk: readonly Pending[], rows: readonly unknown[]): Answered[] {
    const [first] = chunk as [Pending];
    const byId = new Map(chunk.map(({ key }) => [key.id, key]));
    const answered = new Map<string, RecordOf[Resource]>();
    for (const raw of rows) {
      let record = session.decodeWritten(resource, raw, { ...first.key, source: UNSAID });
      if (record?.key.source === UNSAID) {
        // A row that does not say its source has that of the item with its id.
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
