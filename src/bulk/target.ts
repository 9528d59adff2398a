import { type BoundClient, RawJson } from '../datatrics/client.ts';
import type { WriteSettings } from '../datatrics/encode.ts';
import { type BulkEndpoint, CONTENT_TYPE_SPELLING, ENDPOINTS, type Resource } from '../datatrics/endpoints.ts';
import type { RecordKey } from '../datatrics/keys.ts';
import type { RecordOf } from '../datatrics/records.ts';
import type { Session } from '../datatrics/session.ts';
import type { Page } from '../datatrics/wire.ts';
import type { Operation } from '../lib/operation.ts';
import type { Pending } from './items.ts';

/** Where the items of one bulk write go, and what is needed to tell what became of them. */
export interface BulkTarget {
  readonly resource: Resource;
  readonly project: string;
  readonly settings: WriteSettings;
  /** Whether the writer may see the records as well. */
  readonly readable: boolean;
  /** The upstream key in use: resume tokens are made with a key derived from it. */
  readonly apiKey: string;
  /** Sends one chunk; gives the records that the API answered, null when it answered nothing. */
  send(chunk: readonly Pending[]): Promise<RecordOf[Resource][] | null>;
  /** REST calls that the operation has made. */
  calls(): number;
  /** What was known of a record is out of date. */
  forget(key: RecordKey): void;
}

/** No source: it could not be sent. */
const UNSAID = '';

/** The bulk endpoint of a resource, for one operation. */
export function createTarget(
  resource: Resource,
  client: BoundClient,
  session: Session,
  operation: Operation,
): BulkTarget {
  async function send(chunk: readonly Pending[]): Promise<RecordOf[Resource][] | null> {
    const [first] = chunk as [Pending];
    const page = await post(client, resource, first.key, chunk);
    if (page === null) return null;
    let byId: Map<string, RecordKey> | undefined;
    return page.rows.flatMap((raw) => {
      const record = session.decodeWritten(resource, raw, { ...first.key, source: UNSAID });
      if (record?.key.source !== UNSAID) return record ?? [];
      // A row that does not say its source has that of the item with its id.
      byId ??= new Map(chunk.map(({ key }) => [key.id, key]));
      const key = byId.get(record.key.id);
      return (key && session.decodeWritten(resource, raw, key)) ?? [];
    });
  }
  return {
    resource,
    project: session.principal.project,
    apiKey: session.principal.apiKey,
    settings: session.settings,
    readable: session.mayRead(resource),
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
  const items = chunk.map(({ json }) => json).join(',');
  const body = (endpoint: BulkEndpoint): RawJson => {
    const source = endpoint.sourceOnTop ? `"source":${JSON.stringify(key.source)},` : '';
    const ids = chunk.map((item) => item.key.id);
    return new RawJson(`{${source}"${endpoint.itemsKey}":[${items}]}`, ids);
  };
  switch (resource) {
    case 'profile':
      return client.bulkProfiles({}, body(ENDPOINTS.bulkProfiles));
    case 'content':
      return client.bulkContents(
        { type: CONTENT_TYPE_SPELLING[key.type ?? 'ITEM'].bulk },
        body(ENDPOINTS.bulkContents),
      );
    case 'conversion':
      return client.bulkConversions({}, body(ENDPOINTS.bulkConversions));
    case 'interaction':
      return client.bulkInteractions({}, body(ENDPOINTS.bulkInteractions));
  }
}
