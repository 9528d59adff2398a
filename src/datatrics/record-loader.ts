import DataLoader from 'dataloader';
import type { Staleness } from '../upstream/freshness.ts';
import type { Operation } from '../upstream/operation.ts';
import type { Capabilities } from './capabilities.ts';
import type { BoundClient } from './client.ts';
import { ENDPOINTS, type EndpointFor, endpointFor, labelOf, type Resource, typeParameter } from './endpoints.ts';
import { invalidResponse } from './errors.ts';
import type { Selection } from './json-selection.ts';
import { KeyMap } from './key-map.ts';
import type { RecordKey } from './keys.ts';
import type { CallArgs } from './paths.ts';
import type { JsonObject, RecordContext } from './records/fields.ts';
import type { RecordOf, RecordTypes } from './records/record-types.ts';
import type { BatchMode } from './settings.ts';
import { stalenessOf } from './staleness.ts';

type AnyRecord = RecordOf[Resource];
type Batch = DataLoader.BatchLoadFn<RecordKey, AnyRecord | null>;
type BatchOfPromises = DataLoader.BatchLoadFn<RecordKey, Promise<AnyRecord | null>>;

/** Keys of one list call, at most: their ids have to fit into a URL. */
const MAX_BATCH = 50;
/** Characters of ids in one list call, at most. */
const MAX_BATCH_CHARACTERS = 4_000;

/**
 * Reads the records of one resource for one operation: each distinct key once. A DataLoader collects the keys of a tick;
 * where the project allows it, one list call reads several of them.
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
    /** What is read of the records. Default: all. */
    selection?: Selection | undefined;
  }) {
    this.#client = options.client;
    this.#operation = options.operation;
    this.#capabilities = options.capabilities;
    this.#context = options.context;
    this.#types = options.types;
    this.#mode = options.mode;
    this.#selection = options.selection;
    // A promise in the place of a value: DataLoader resolves a key's promise with it, so that each record is there as soon
    // as it has been read, and one slow call does not hold back all that were collected with it. Its types know values only.
    const read = (async (keys) => this.#readAll(keys)) as BatchOfPromises as unknown as Batch;
    this.#loader = new DataLoader(read, { cacheMap: this.#records });
  }

  load(key: RecordKey): Promise<AnyRecord | null> {
    // DataLoader makes one more promise for each key that it knows already.
    const known = this.#records.get(key);
    if (known === undefined) return this.#loader.load(key);
    this.#operation.usage.deduped += 1;
    this.#operation.trace?.join(labelOf(ENDPOINTS[endpointFor(key.resource, 'get')]), known);
    return known;
  }

  /** The next `load` of this key asks the API again. */
  forget(key: RecordKey): void {
    this.#loader.clear(key);
    this.#staleBatched?.delete(key);
  }

  #fetchOne(key: RecordKey): Promise<AnyRecord | null> {
    return this.#get(key).then((raw) => {
      if (raw === null) return null;
      const record = this.#types[key.resource].decode(raw, key, this.#context);
      if (record.key.id !== key.id) throw invalidResponse('another record than the one asked for');
      return record;
    });
  }

  #get(key: RecordKey): Promise<JsonObject | null> {
    const [name, args] = readOf(key);
    const readJson = this.#selection?.recordReader(this.#types[key.resource]);
    return this.#client.read(name, args, readJson);
  }

  /** Whether, and how, the answer that held this record, or its absence, was stale. */
  staleness(key: RecordKey): Staleness | undefined {
    return this.#staleBatched?.get(key) ?? stalenessOf(this.#operation, this.#context.project, ...readOf(key));
  }

  /** One promise per key, in their order. */
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

  #canBatch({ resource }: RecordKey): boolean {
    return this.#capabilities.batches(this.#context.project, resource) ?? this.#mode === 'on';
  }

  /** The records of a group that one list call brings, by id: none where there is any doubt. */
  async #fetchGroup(group: readonly RecordKey[]): Promise<ReadonlyMap<string, AnyRecord>> {
    try {
      const records = await this.#list(group);
      if (records !== null) return records;
      this.#capabilities.learnBatches(this.#context.project, (group[0] as RecordKey).resource, false);
    } catch {
      // Then each is read by itself.
    }
    return new Map();
  }

  #noteBatched(key: RecordKey, staleness: Staleness): void {
    this.#staleBatched ??= new KeyMap();
    this.#staleBatched.set(key, staleness);
  }

  /** Finds out, by records that were just read one by one, whether one call would have brought them. */
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
      this.#capabilities.learnBatches(project, resource, listed?.size === sample.length);
    } catch {
      // Not known then; the next operation tries again.
    }
  }

  /**
   * The records of a group that one list call brings, by id; null when a row came that was not asked for, or one twice:
   * then the API does not understand the question.
   */
  async #list(group: readonly RecordKey[]): Promise<ReadonlyMap<string, AnyRecord> | null> {
    const { resource, source, type } = group[0] as RecordKey;
    const asked = new Set(group.map(({ id }) => id));
    const records = new Map<string, AnyRecord>();
    const [list, args] = listOf(group);
    const readJson = this.#selection?.pageReader(this.#types[resource], [], []);
    const { rows } = await this.#client.read(list, args, readJson);
    const staleness = stalenessOf(this.#operation, this.#context.project, list, args);
    for (const raw of rows) {
      const record = this.#types[resource].decode(raw, { source, type }, this.#context);
      const { id } = record.key;
      if (record.key.source !== source || !asked.has(id) || records.has(id)) return null;
      if (staleness) this.#noteBatched(record.key, staleness);
      records.set(id, record);
    }
    return records;
  }
}

/** The call that reads one record. */
function readOf({ resource, id, source, type }: RecordKey): [EndpointFor<'get'>, CallArgs] {
  const name = endpointFor(resource, 'get');
  return [name, { id, source, ...typeParameter(name, type) }];
}

/** The call that reads a group of records. */
function listOf(group: readonly RecordKey[]): [EndpointFor<'list'>, CallArgs] {
  const { resource, source, type } = group[0] as RecordKey;
  const name = endpointFor(resource, 'list');
  const { idField, query } = ENDPOINTS[name];
  const ids = group.map(({ id }) => ({ field: idField, op: '$in' as const, value: id }));
  const bySource = 'source' in query ? { source, q: ids } : { q: [...ids, { field: 'source', value: source }] };
  return [name, { page: 1, limit: group.length, ...typeParameter(name, type), ...bySource }];
}

/** Keys that one list call can ask for: of one resource, source and type, and not too many. */
function groupKeys(keys: readonly RecordKey[]): RecordKey[][] {
  const groups: RecordKey[][] = [];
  const open = new KeyMap<{ group: RecordKey[]; characters: number }>();
  for (const key of keys) {
    const common = { ...key, id: '' };
    let entry = open.get(common);
    if (!entry || entry.group.length === MAX_BATCH || entry.characters + key.id.length > MAX_BATCH_CHARACTERS) {
      entry = { group: [], characters: 0 };
      open.set(common, entry);
      groups.push(entry.group);
    }
    entry.group.push(key);
    entry.characters += key.id.length;
  }
  return groups;
}
