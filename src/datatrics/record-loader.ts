import DataLoader from 'dataloader';
import type { Staleness } from '../upstream/freshness.ts';
import { endpointFor, RESOURCES, type Resource } from './endpoints.ts';
import { invalidResponse } from './errors.ts';
import { KeyMap } from './key-map.ts';
import type { RecordKey } from './keys.ts';
import type { CallArgs } from './paths.ts';
import { type ReadEnvironment, stalenessOf } from './read-environment.ts';
import { decodeRecord } from './records/record.ts';
import type { RecordOf } from './records/record-types.ts';

type AnyRecord = RecordOf[Resource];
type Batch = DataLoader.BatchLoadFn<RecordKey, AnyRecord | null>;
type BatchOfPromises = DataLoader.BatchLoadFn<RecordKey, Promise<AnyRecord | null>>;

/** Most keys of one list call, so that their ids fit into a URL. */
const MAX_BATCH = 50;
/** Most characters of all ids of one list call, for the same reason. */
const MAX_BATCH_CHARACTERS = 4_000;

/**
 * Reads the records of one resource for one operation, each distinct key once. A DataLoader collects the keys of a tick. If
 * the project's `batchReads` allow it, one list call reads several of them.
 */
export class RecordLoader {
  readonly #environment: ReadEnvironment;
  readonly #records = new KeyMap<Promise<AnyRecord | null>>();
  readonly #loader: DataLoader<RecordKey, AnyRecord | null>;
  #staleBatched: KeyMap<Staleness> | undefined = undefined;

  constructor(environment: ReadEnvironment) {
    this.#environment = environment;
    // Returns promises instead of values, because DataLoader resolves each key with its own promise: a slow call then does
    // not delay the other keys of the batch. DataLoader's types only allow values, hence the cast.
    const read = (async (keys) => this.#readAll(keys)) as BatchOfPromises as unknown as Batch;
    this.#loader = new DataLoader(read, { cacheMap: this.#records });
  }

  /** Returns the record; null if it does not exist. */
  load(key: RecordKey): Promise<AnyRecord | null> {
    // Look in the map first, because DataLoader creates another promise for a known key.
    const known = this.#records.get(key);
    if (known === undefined) return this.#loader.load(key);
    const { usage, trace } = this.#environment.operation;
    usage.deduped += 1;
    trace?.join(endpointFor(key.resource, 'get').label, known);
    return known;
  }

  /** Forgets the record: the next `load` of this key calls the API. */
  forget(key: RecordKey): void {
    this.#loader.clear(key);
    this.#staleBatched?.delete(key);
  }

  /** How the answer to the read of this key was stale; undefined if it was fresh. */
  staleness(key: RecordKey): Staleness | undefined {
    return this.#staleBatched?.get(key) ?? stalenessOf(this.#environment, endpointFor(key.resource, 'get'), key);
  }

  #fetchOne(key: RecordKey): Promise<AnyRecord | null> {
    const { client, selection, types, context } = this.#environment;
    const type = types[key.resource];
    return client.get(key, selection?.recordReader(type)).then((raw) => {
      if (raw === null) return null;
      const record = decodeRecord<AnyRecord>(type, raw, key, context);
      if (record.key.id !== key.id) throw invalidResponse('another record than the requested one');
      return record;
    });
  }

  /** Reads a batch of keys. Returns one promise per key, in the same order. */
  #readAll(keys: readonly RecordKey[]): Promise<AnyRecord | null>[] {
    const { settings, capabilities, principal } = this.#environment;
    const mode = settings.batchReads;
    if (mode === 'off' || keys.length === 1) return keys.map((key) => this.#fetchOne(key));
    const reads = new Map<RecordKey, Promise<AnyRecord | null>>();
    for (const group of groupKeys(keys)) {
      const works = capabilities.batches(principal.project, group[0].resource);
      if (group.length > 1 && (works ?? mode === 'on')) {
        const records = this.#fetchGroup(group);
        for (const key of group) {
          const record = records.then((found) => found.get(key.id) ?? this.#fetchOne(key));
          reads.set(key, record);
        }
      } else {
        for (const key of group) reads.set(key, this.#fetchOne(key));
        if (group.length > 1 && mode === 'auto' && works === undefined) this.#tryBatch(group, reads);
      }
    }
    return keys.map((key) => reads.get(key) as Promise<AnyRecord | null>);
  }

  /** Reads a group with one list call, by id. Returns an empty map if the call fails or its answer is unusable. */
  async #fetchGroup(group: Group): Promise<ReadonlyMap<string, AnyRecord>> {
    const { capabilities, principal } = this.#environment;
    try {
      const records = await this.#list(group);
      if (records !== null) return records;
      capabilities.setBatches(principal.project, group[0].resource, false);
    } catch {
      // The caller then reads each key separately.
    }
    return new Map();
  }

  /** Tests whether one list call returns the records that are read one by one. */
  async #tryBatch(group: Group, reads: ReadonlyMap<RecordKey, Promise<AnyRecord | null>>): Promise<void> {
    const { capabilities, principal } = this.#environment;
    const { resource } = group[0];
    const results = await Promise.allSettled(group.map((key) => reads.get(key)));
    const [first, ...others] = group
      .filter((_key, at) => results[at]?.status === 'fulfilled' && results[at].value !== null)
      .slice(0, 3);
    if (!first || others.length === 0 || capabilities.batches(principal.project, resource) !== undefined) return;
    try {
      const listed = await this.#list([first, ...others]);
      capabilities.setBatches(principal.project, resource, listed?.size === 1 + others.length);
    } catch {
      // Still unknown; the next operation tests again.
    }
  }

  /**
   * Reads a group with one list call, by id: `q[id][$in][]`, and the source. Returns null if the answer has a row that was
   * not requested, or a row twice: the API does not support the filter.
   */
  async #list(group: Group): Promise<ReadonlyMap<string, AnyRecord> | null> {
    const { client, selection, types, context } = this.#environment;
    const { resource, source, type } = group[0];
    const { idField, sourceParameter } = RESOURCES[resource];
    const q = group.map(({ id }) => ({ field: idField, op: '$in' as const, value: id }));
    const bySource = sourceParameter ? { source, q } : { q: [...q, { field: 'source', value: source }] };
    const args: CallArgs = { page: 1, limit: group.length, type, ...bySource };
    const { rows } = await client.list(resource, args, selection?.pageReader(types[resource], [], []));
    const staleness = stalenessOf(this.#environment, endpointFor(resource, 'list'), args);
    const requestedIds = new Set(group.map(({ id }) => id));
    const records = new Map<string, AnyRecord>();
    for (const raw of rows) {
      const record = decodeRecord<AnyRecord>(types[resource], raw, { source, type }, context);
      const { id } = record.key;
      if (record.key.source !== source || !requestedIds.has(id) || records.has(id)) return null;
      if (staleness) {
        this.#staleBatched ??= new KeyMap();
        this.#staleBatched.set(record.key, staleness);
      }
      records.set(id, record);
    }
    return records;
  }
}

/** Keys of one source and type, for one list call. */
type Group = [RecordKey, ...RecordKey[]];

/** Groups keys for list calls, within the limits of count and characters. */
function groupKeys(keys: readonly RecordKey[]): Group[] {
  const groups: Group[] = [];
  const open = new KeyMap<{ readonly group: Group; characters: number }>();
  for (const key of keys) {
    const entry = open.get({ ...key, id: '' });
    if (entry && entry.group.length < MAX_BATCH && entry.characters + key.id.length <= MAX_BATCH_CHARACTERS) {
      entry.group.push(key);
      entry.characters += key.id.length;
    } else {
      const group: Group = [key];
      open.set({ ...key, id: '' }, { group, characters: key.id.length });
      groups.push(group);
    }
  }
  return groups;
}
