import type { WriteSettings } from '../encode.ts';
import { RESOURCES, type Resource } from '../endpoints.ts';
import { canonicalKey, type RecordKey } from '../keys.ts';
import type { RecordOf } from '../records/record-types.ts';
import type { Session } from '../session.ts';
import type { Pending } from './items.ts';

/**
 * The API's answer for one item: the record; null if it was written but the client may not read it; undefined if the answer
 * does not contain it.
 */
export type Answered = RecordOf[Resource] | null | undefined;

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

/** Creates the target for a resource's bulk endpoint and the session's operation. */
export function createTarget(resource: Resource, session: Session): BulkTarget {
  const { client } = session;
  const mayRead = session.mayRead(resource);

  async function send(chunk: readonly Pending[]): Promise<readonly Answered[] | null> {
    const { sourceOnTop, itemsKey } = RESOURCES[resource].bulk;
    const keys = chunk.map(({ key }) => key) as [RecordKey, ...RecordKey[]];
    const source = sourceOnTop ? `"source":${JSON.stringify(keys[0].source)},` : '';
    // Joins the items' JSON instead of serializing them again.
    const page = await client.bulk(keys, `{${source}"${itemsKey}":[${chunk.map(({ json }) => json).join(',')}]}`);
    if (page === null) return null;
    const byId = new Map(keys.map((key) => [key.id, key]));
    const answered = new Map<string, Answered>();
    for (const raw of page.rows) {
      const decoded = session.decodeWritten(resource, raw, { source: NO_SOURCE, type: keys[0].type });
      // A row without a source has that of the item with its id.
      const key = decoded?.key.source === NO_SOURCE ? byId.get(decoded.key.id) : undefined;
      const record = key ? session.decodeWritten(resource, raw, key) : decoded;
      if (record) answered.set(canonicalKey(record.key), mayRead ? record : null);
    }
    return chunk.map(({ name }) => answered.get(name));
  }

  return {
    resource,
    settings: session.settings,
    send,
    calls: () => client.operation.usage.calls,
    forget: (key) => session.forget(key),
  };
}
