import DataLoader from 'dataloader';
import { toError } from '../lib/error.ts';
import type { Staleness } from '../lib/freshness.ts';
import type { Operation } from '../lib/operation.ts';
import type { Capabilities } from './capabilities.ts';
import { type BoundClient, type ReadName, stalenessOf } from './client.ts';
import { CONTENT_TYPE_SPELLING, ENDPOINTS, labelOf, type Resource } from './endpoints.ts';
import { invalidResponse } from './errors.ts';
import type { JsonObject, RecordContext } from './fields.ts';
import { KeyMap } from './key-map.ts';
import type { RecordKey } from './keys.ts';
import type { CallArgs } from './paths.ts';
import type { RecordOf, RecordTypes } from './records.ts';
import type { ReadJson, Selection } from './selection.ts';
import type { Page } from './wire.ts';

/**
 * Whether many records are fetched by one list call, `q[profileid][$in][]=…`, which the API may or may not understand:
 * `off`; `on`; or `auto`, which tries it on records just read before it relies on it.
 */
export type BatchMode = 'off' | 'auto' | 'on';

type AnyRecord = RecordOf[Resource];
type Get = (args: CallArgs, readJson?: ReadJson) => Promise<JsonObject | null>;
type List = (args: CallArgs, readJson?: ReadJson) => Promise<Page>;

/** Keys of one list call, at most: their ids have to fit into a URL. */
const MAX_BATCH = 50;
/** Characters of ids in one list call, at most. */
const MAX_BATCH_CHARACTERS = 4_000;

const GETS = {
  profile: 'getProfile',
  content: 'getContent',
  conversion: 'getConversion',
  interaction: 'getInteraction',
} as const;

/** REST name of the field by which a resource's records are found in a list. */
const ID_FIELDS = {
  profile: 'profileid',
  content: 'id',
  conversion: 'conversionid',
  interaction: 'interactionid',
} as const;

/**
 * Records by key, for one operation: each distinct key is asked of the API once. Keys that come in the same tick may be
 * fetched together where the project allows it.
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
  #staleBatched: KeyMap<Staleness> | undefined = undefined;
  readonly #batches: DataLoader<RecordKey, AnyRecord | null, string> | undefined;

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
    // Without batches nothing is gained by waiting for more keys, and a DataLoader takes longer than all the rest.
    if (options.mode !== 'off') {
      this.#batches = new DataLoader((keys) => this.#fetchMany(keys), { cache: false });
    }
  }

  load(key: RecordKey): Promise<AnyRecord | null> {
    const known = this.#records.get(key);
    if (known) {
      this.#operation.usage.deduped += 1;
      this.#operation.trace?.join(labelOf(ENDPOINTS[GETS[key.resource]]), known);
      return known;
    }
    const record = this.#batches ? this.#batches.load(key) : this.#fetchOne(key);
    this.#records.set(key, record);
    return record;
  }

  /** The next `load` of this key asks the API again. */
  forget(key: RecordKey): void {
    this.#records.delete(key);
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
    return (this.#client[name] as Get)(args, readJson);
  }

  /** Whether, and how, the answer that held this record, or its absence, was stale. */
  staleness(key: RecordKey): Staleness | undefined {
    return this.#staleBatched?.get(key) ?? stalenessOf(this.#operation, this.#context.project, ...readOf(key));
  }

  /** In the order of the keys, a failure as its error, as DataLoader wants it. */
  async #fetchMany(keys: readonly RecordKey[]): Promise<(AnyRecord | null | Error)[]> {
    const found = new Map<RecordKey, AnyRecord | null | Error>();
    await Promise.all(
      groupKeys(keys).map(async (group) => {
        const rest =
          group.length > 1 && this.#canBatch(group[0] as RecordKey) ? await this.#fetchGroup(group, found) : group;
        await Promise.all(rest.map(async (key) => found.set(key, await this.#fetchOne(key).catch(toError))));
        if (rest.length > 1) this.#tryBatch(rest.filter((key) => found.get(key) && !(found.get(key) instanceof Error)));
      }),
    );
    return keys.map((key) => found.get(key) ?? null);
  }

  #canBatch({ resource }: RecordKey): boolean {
    return this.#capabilities.batches(this.#context.project, resource) ?? this.#mode === 'on';
  }

  /** Fetches a group by one call; gives the keys that it did not bring, all of them when there is any doubt. */
  async #fetchGroup(
    group: readonly RecordKey[],
    found: Map<RecordKey, AnyRecord | null | Error>,
  ): Promise<readonly RecordKey[]> {
    let records: ReadonlyMap<string, AnyRecord> | null;
    try {
      records = await this.#list(group);
    } catch {
      return group;
    }
    if (records === null) {
      this.#capabilities.learnBatches(this.#context.project, (group[0] as RecordKey).resource, false);
      return group;
    }
    return group.filter((key) => {
      const record = records.get(key.id);
      if (record) found.set(key, record);
      return record === undefined;
    });
  }

  #noteBatched(key: RecordKey, staleness: Staleness): void {
    this.#staleBatched ??= new KeyMap();
    this.#staleBatched.set(key, staleness);
  }

  /** Finds out, by records that were just read one by one, whether one call would have brought them. */
  async #tryBatch(keys: readonly RecordKey[]): Promise<void> {
    const sample = keys.slice(0, 3);
    const [first] = sample;
    const { project } = this.#context;
    if (first === undefined || sample.length < 2 || this.#mode !== 'auto') return;
    if (this.#capabilities.batches(project, first.resource) !== undefined) return;
    try {
      const records = await this.#list(sample);
      this.#capabilities.learnBatches(project, first.resource, records?.size === sample.length);
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
    const { rows } = await (this.#client[list] as List)(args, readJson);
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
function readOf({ resource, id, source, type }: RecordKey): [ReadName, CallArgs] {
  switch (resource) {
    case 'profile':
      return ['getProfile', { id, source }];
    case 'content':
      return ['getContent', { id, source, type: CONTENT_TYPE_SPELLING[type ?? 'ITEM'].one }];
    case 'conversion':
      return ['getConversion', { id, source }];
    case 'interaction':
      return ['getInteraction', { id, source }];
  }
}

/** The call that reads a group of records. */
function listOf(group: readonly RecordKey[]): [ReadName, CallArgs] {
  const { resource, source, type } = group[0] as RecordKey;
  const field = ID_FIELDS[resource];
  const ids = group.map(({ id }) => ({ field, op: '$in' as const, value: id }));
  const paging = { page: 1, limit: group.length };
  const q = [...ids, { field: 'source', value: source }];
  switch (resource) {
    case 'profile':
      return ['listProfiles', { ...paging, source, q: ids }];
    case 'content':
      return ['listContents', { ...paging, type: CONTENT_TYPE_SPELLING[type ?? 'ITEM'].one, q }];
    case 'conversion':
      return ['listConversions', { ...paging, q }];
    case 'interaction':
      return ['listInteractions', { ...paging, q }];
  }
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
