import type { ContentType, Resource } from './endpoints.ts';
import type { RecordKey } from './keys.ts';

/** The values of one source, resource and, for content, type. */
interface Group<V> {
  readonly resource: Resource;
  readonly type: ContentType | undefined;
  readonly byId: Map<string, V>;
}

/**
 * A map by record key. It compares the parts of a key directly. To join them into one string takes longer than the rest of a
 * read whose record is already loaded.
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
