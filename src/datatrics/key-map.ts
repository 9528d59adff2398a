import type { ContentType, Resource } from './endpoints.ts';
import type { RecordKey } from './keys.ts';

/** The values of one resource and, for content, type. */
interface Group<V> {
  readonly resource: Resource;
  readonly type: ContentType | undefined;
  readonly byId: Map<string, V>;
}

/**
 * Values by record key. The parts are compared as they are: to put them together into one string takes longer than all
 * else that a read of something known costs.
 */
export class KeyMap<V> {
  readonly #bySource = new Map<string, Group<V>[]>();

  get(key: RecordKey): V | undefined {
    return this.#group(key)?.byId.get(key.id);
  }

  set(key: RecordKey, value: V): void {
    let group = this.#group(key);
    if (group === undefined) {
      group = { resource: key.resource, type: key.type, byId: new Map() };
      const groups = this.#bySource.get(key.source);
      if (groups) groups.push(group);
      else this.#bySource.set(key.source, [group]);
    }
    group.byId.set(key.id, value);
  }

  delete(key: RecordKey): void {
    this.#group(key)?.byId.delete(key.id);
  }

  clear(): void {
    this.#bySource.clear();
  }

  #group({ resource, source, type }: RecordKey): Group<V> | undefined {
    for (const group of this.#bySource.get(source) ?? NONE) {
      if (group.resource === resource && group.type === type) return group;
    }
    return undefined;
  }
}

const NONE: readonly never[] = [];
