import DataLoader from 'dataloader';
import type { Staleness } from '../upstream/freshness.ts';
import type { Operation } from '../upstream/operation.ts';
import type { Capabilities } from './capabilities.ts';
import type { BoundClient } from './client.ts';
import {
  ENDPOINTS,
  type EndpointFor,
  endpointFor,
  hasSourceParameter,
  labelOf,
  type Resource,
  typeParameter,
} from './endpoints.ts';
import { invalidResponse } from './errors.ts';
import type { Selection } from './json-selection.ts';
import { KeyMap } from './key-map.ts';
import type { RecordKey } from './keys.ts';
import type { CallArgs } from './paths.ts';
import type { BatchMode } from './project-settings.ts';
import type { JsonObject, RecordContext } from './records/fields.ts';
import { decodeRecord } from './records/record.ts';
import type { RecordOf, RecordTypes } from './records/record-types.ts';
import { stalenessOf } from './staleness.ts';

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
  readonly #client: BoundClient;
  readonly #operation: Operation;
  readonly #capabilities: Capabilities;
  readonly #context: RecordContext;
  readonly #types: RecordTypes;
  readonly #mode: BatchMode;
  readonly #selection: Selection | undefined;
  readonly #records = new KeyMap<Promise<AnyRecord | null>>();
  readonly #loader: DataLoader<RecordKey, AnyRecord | null>;
  #staleBatched: KeyMap<Staleness> | undefined = undefined;

  constructor(options: {
    client: BoundClient;
    operation: Operation;
    capabilities: Capabilities;
    context: RecordContext;
    types: RecordTypes;
    mode: BatchMode;
    /** The fields to read. Default: all. */
    selection?: Selection | undefined;
  }) {
    this.#client = options.client;
    this.#operation = options.operation;
    this.#capabilities = options.capabilities;
    this.#context = options.context;
    this.#types = options.types;
    this.#mode = options.mode;
    this.#selection = options.selection;
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
    this.#operation.usage.deduped += 1;
    this.#operation.trace?.join(labelOf(ENDPOINTS[endpointFor(key.resource, 'get')]), known);
    return known;
  }

  /** Forgets the record: the next `load` of this key calls the API. */
  forget(key: RecordKey): void {
    this.#loader.clear(key);
    this.#staleBatched?.delete(key);
  }

  #fetchOne(key: RecordKey): Promise<AnyRecord | null> {
    return this.#get(key).then((raw) => {
      if (raw === null) return null;
      const record = decodeRecord<AnyRecord>(this.#types[key.resource], raw, key, this.#context);
      if (record.key.id !== key.id) throw invalidResponse('another record than the requested one');
      return record;
    });
  }

  #get(key: RecordKey): Promise<JsonObject | null> {
    const [name, args] = readOf(key);
    const readJson = this.#selection?.recordReader(this.#types[key.resource]);
    return this.#client.read(name, args, readJson);
  }

  /** How the answer to the read of this key was stale; undefined if it was fresh. */
  staleness(key: RecordKey): Staleness | undefined {
    return this.#staleBatched?.get(key) ?? stalenessOf(this.#operation, this.#context.project, ...readOf(key));
  }

  /** Reads a batch of keys. Returns one promise per key, in the same order. */
  #readAll(keys: readonly RecordKey[]): Promise<AnyRecord | null>[] {
    if (this.#mode === 'off' || keys.length === 1) return keys.map((key) => this.#fetchOne(key));
    const reads = new Map<RecordKey, Promise<AnyRecord | null>>();
    for (const group of groupKeys(keys)) {
      if (group.length > 1 && this.#canBatch(group[0] as RecordKey)) {
        const records = this.#fetchGroup(group);
        for (const key of group)
          reads.set(
            key,
            records.then((found) => found.get(key.id) ?? this.#fetchOne(key)),
          );
      } else {
        const records = group.map((key) => this.#fetchOne(key));
        group.forEach((key, at) => {
          reads.set(key, records[at] as Promise<AnyRecord | null>);
        });
        if (group.length > 1) this.#tryBatch(group, records);
      }
    }
    return keys.map((key) => reads.get(key) as Promise<AnyRecord | null>);
  }

  /** Whether to read several keys with one list call. With mode `auto`, only after a test has succeeded. */
  #canBatch({ resource }: RecordKey): boolean {
    return this.#capabilities.batches(this.#context.project, resource) ?? this.#mode === 'on';
  }

  /** Reads a group with one list call, by id. Returns an empty map if the call fails or its answer is unusable. */
  async #fetchGroup(group: readonly RecordKey[]): Promise<ReadonlyMap<string, AnyRecord>> {
    try {
      const records = await this.#list(group);
      if (records !== null) return records;
      this.#capabilities.setBatches(this.#context.project, (group[0] as RecordKey).resource, false);
    } catch {
      // The caller then reads each key separately.
    }
    return new Map();
  }

  #noteBatched(key: RecordKey, staleness: Staleness): void {
    this.#staleBatched ??= new KeyMap();
    this.#staleBatched.set(key, staleness);
  }

  /** With mode `auto`, tests whether one list call returns the records that were just read one by one. */
  async #tryBatch(group: readonly RecordKey[], records: readonly Promise<AnyRecord | null>[]): Promise<void> {
    const { project } = this.#context;
    const { resource } = group[0] as RecordKey;
    if (this.#mode !== 'auto' || this.#capabilities.batches(project, resource) !== undefined) return;
    const results = await Promise.allSettled(records);
    const sample = group
      .filter((_key, at) => results[at]?.status === 'fulfilled' && results[at].value !== null)
      .slice(0, 3);
    if (sample.length < 2 || this.#capabilities.batches(project, resource) !== undefined) return;
    try {
      const listed = await this.#list(sample);
      this.#capabilities.setBatches(project, resource, listed?.size === sample.length);
    } catch {
      // Still unknown; the next operation tests again.
    }
  }

  /**
   * Reads a group with one list call, by id. Returns null if the answer has a row that was not requested, or a row twice:
   * the API does not support the filter.
   */
  async #list(group: readonly RecordKey[]): Promise<ReadonlyMap<string, AnyRecord> | null> {
    const { resource, source, type } = group[0] as RecordKey;
    const requestedIds = new Set(group.map(({ id }) => id));
    const records = new Map<string, AnyRecord>();
    const [list, args] = listOf(group);
    const readJson = this.#selection?.pageReader(this.#types[resource], [], []);
    const { rows } = await this.#client.read(list, args, readJson);
    const staleness = stalenessOf(this.#operation, this.#context.project, list, args);
    for (const raw of rows) {
      const record = decodeRecord<AnyRecord>(this.#types[resource], raw, { source, type }, this.#context);
      const { id } = record.key;
      if (record.key.source !== source || !requestedIds.has(id) || records.has(id)) return null;
      if (staleness) this.#noteBatched(record.key, staleness);
      records.set(id, record);
    }
    return records;
  }
}

/** The endpoint and arguments that read one record. */
function readOf({ resource, id, source, type }: RecordKey): [EndpointFor<'get'>, CallArgs] {
  const name = endpointFor(resource, 'get');
  return [name, { id, source, ...typeParameter(name, type) }];
}

/** The endpoint and arguments that read a group of records: `q[id][$in][]`, and the source. */
function listOf(group: readonly RecordKey[]): [EndpointFor<'list'>, CallArgs] {
  const { resource, source, type } = group[0] as RecordKey;
  const name = endpointFor(resource, 'list');
  const { idField } = ENDPOINTS[name];
  const ids = group.map(({ id }) => ({ field: idField, op: '$in' as const, value: id }));
  const bySource = hasSourceParameter(name) ? { source, q: ids } : { q: [...ids, { field: 'source', value: source }] };
  return [name, { page: 1, limit: group.length, ...typeParameter(name, type), ...bySource }];
}

/** Groups keys for list calls: keys of one source and type, within the limits of count and characters. */
function groupKeys(keys: readonly RecordKey[]): RecordKey[][] {
  const groups: RecordKey[][] = [];
  const open = new KeyMap<{ group: RecordKey[]; characters: number }>();
  for (const key of keys) {
    const groupKey = { ...key, id: '' };
    let entry = open.get(groupKey);
    if (!entry || entry.group.length === MAX_BATCH || entry.characters + key.id.length > MAX_BATCH_CHARACTERS) {
      entry = { group: [], characters: 0 };
      open.set(groupKey, entry);
      groups.push(entry.group);
    }
    entry.group.push(key);
    entry.characters += key.id.length;
  }
  return groups;
}
