import DataLoader from 'dataloader';
import type { Staleness } from '../upstream/freshness.ts';
import { endpointFor, RESOURCES, type Resource } from './endpoints.ts';
import { invalidResponse } from './errors.ts';
import type { RecordKey } from './keys.ts';
import type { CallArgs } from './paths.ts';
import type { ReadContext } from './read-context.ts';
import { decodeRecord } from './records/record.ts';
import type { RecordOf } from './records/record-types.ts';

type AnyRecord = RecordOf[Resource];
type Batch = DataLoader.BatchLoadFn<string, AnyRecord | null>;

/** Most ids of one list call, and most characters of all of them, so that they fit into a URL. */
const MAX_BATCH = 50;
const MAX_BATCH_CHARACTERS = 4_000;
/** Records that must be on the list call that tests whether the API supports such calls. */
const SAMPLE = 3;

/**
 * Reads the records of one resource, source and type for one operation, each id once. A DataLoader collects the ids of a
 * tick. If the project's `batchReads` allow it, one list call reads several of them.
 */
export class RecordLoader {
  readonly of: Omit<RecordKey, 'id'>;
  readonly #reads: ReadContext;
  readonly #records = new Map<string, Promise<AnyRecord | null>>();
  readonly #loader: DataLoader<string, AnyRecord | null>;
  /** By id, for records that a list call read. */
  readonly #staleness = new Map<string, Staleness>();

  constructor(of: Omit<RecordKey, 'id'>, reads: ReadContext) {
    this.of = of;
    this.#reads = reads;
    // Returns promises instead of values, because DataLoader resolves each key with its own promise: a slow call then does
    // not delay the other keys of the batch. DataLoader's types only allow values, hence the cast.
    const read = (async (ids) => this.#readAll(ids)) as DataLoader.BatchLoadFn<string, Promise<AnyRecord | null>>;
    this.#loader = new DataLoader(read as unknown as Batch, { cacheMap: this.#records, maxBatchSize: MAX_BATCH });
  }

  load(id: string): Promise<AnyRecord | null> {
    // Look in the map first, because DataLoader creates another promise for a known key.
    const known = this.#records.get(id);
    if (known === undefined) return this.#loader.load(id);
    const { usage, trace } = this.#reads.client.operation;
    usage.deduped += 1;
    trace?.join(endpointFor(this.of.resource, 'get').label, known);
    return known;
  }

  /** Forgets the record: the next `load` of this id calls the API. */
  forget(id: string): void {
    this.#loader.clear(id);
    this.#staleness.delete(id);
  }

  stalenessOf(id: string): Staleness | undefined {
    const { of } = this;
    return this.#staleness.get(id) ?? this.#reads.client.stalenessOf(of.resource, 'get', { ...of, id });
  }

  async #fetchOne(id: string): Promise<AnyRecord | null> {
    const { client, selection, types, context } = this.#reads;
    const type = types[this.of.resource];
    const key = { ...this.of, id };
    const raw = await client.get(key, selection?.recordReader(type));
    if (raw === null) return null;
    const record = decodeRecord<AnyRecord>(type, raw, key, context);
    if (record.key.id !== id) throw invalidResponse('another record than the requested one');
    return record;
  }

  #readAll(ids: readonly string[]): Promise<AnyRecord | null>[] {
    const { settings, capabilities, client } = this.#reads;
    const mode = settings.batchReads;
    const canBatch = mode !== 'off' && ids.length > 1 && ids.join('').length <= MAX_BATCH_CHARACTERS;
    const works = canBatch ? capabilities.batches(client.principal.project, this.of.resource) : false;
    if (works ?? mode === 'on') {
      const records = this.#fetchAll(ids);
      return ids.map((id) => records.then((found) => found.get(id) ?? this.#fetchOne(id)));
    }
    const reads = ids.map((id) => this.#fetchOne(id));
    if (works === undefined) this.#tryBatch(ids, reads);
    return reads;
  }

  /** Reads ids with one list call. Returns an empty map if the call fails or its answer is unusable. */
  async #fetchAll(ids: readonly string[]): Promise<ReadonlyMap<string, AnyRecord>> {
    const { capabilities, client } = this.#reads;
    try {
      const records = await this.#list(ids);
      if (records !== null) return records;
      capabilities.setBatches(client.principal.project, this.of.resource, false);
    } catch {
      // The caller then reads each id separately.
    }
    return new Map();
  }

  /** Tests whether one list call returns the records that are read one by one. */
  async #tryBatch(ids: readonly string[], reads: readonly Promise<AnyRecord | null>[]): Promise<void> {
    const { capabilities, client } = this.#reads;
    const { project } = client.principal;
    const results = await Promise.allSettled(reads);
    const sample = ids
      .filter((_id, at) => results[at]?.status === 'fulfilled' && results[at].value !== null)
      .slice(0, SAMPLE);
    if (sample.length < 2 || capabilities.batches(project, this.of.resource) !== undefined) return;
    try {
      const listed = await this.#list(sample);
      capabilities.setBatches(project, this.of.resource, listed?.size === sample.length);
    } catch {
      // Still unknown; the next operation tests again.
    }
  }

  /**
   * Reads ids with one list call: `q[id][$in][]`, and the source. Returns null if the answer has a row that was not
   * requested, or a row twice: the API does not support the filter.
   */
  async #list(ids: readonly string[]): Promise<ReadonlyMap<string, AnyRecord> | null> {
    const { client, selection, types, context } = this.#reads;
    const { resource, source, type } = this.of;
    const { idField, sourceParameter } = RESOURCES[resource];
    const q = ids.map((id) => ({ field: idField, op: '$in' as const, value: id }));
    const bySource = sourceParameter ? { source, q } : { q: [...q, { field: 'source', value: source }] };
    const args: CallArgs = { page: 1, limit: ids.length, type, ...bySource };
    const { rows } = await client.list(resource, args, selection?.pageReader(types[resource], [], []));
    const staleness = client.stalenessOf(resource, 'list', args);
    const records = new Map<string, AnyRecord>();
    for (const raw of rows) {
      const record = decodeRecord<AnyRecord>(types[resource], raw, { source, type }, context);
      const { id } = record.key;
      if (record.key.source !== source || !ids.includes(id) || records.has(id)) return null;
      if (staleness) this.#staleness.set(id, staleness);
      records.set(id, record);
    }
    return records;
  }
}
