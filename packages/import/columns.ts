import leven from 'leven';
import type { Field, FieldTable } from '../../src/datatrics/records/fields.ts';
import { RECORD_TYPES } from '../../src/datatrics/records/record-types.ts';
import type { ImportOptions } from './options.ts';
import { UsageError } from './problem.ts';

/** The part of a record that a column sets: a field, the key included, an attribute, or all attributes as an object. */
export interface Slot {
  readonly kind: Field['kind'] | 'type' | 'attribute' | 'attributes' | 'nothing';
  readonly name: string;
}

export const NOTHING: Slot = { kind: 'nothing', name: 'nothing' };

/** Columns that a file of rejects adds to those of the input. */
export const REJECT_COLUMNS: readonly string[] = ['_row', '_code', '_reason', '_raw'];

/** Returns the slots of a field table by lower-case GraphQL and REST names. */
export function fieldSlots(fields: FieldTable): Map<string, Slot> {
  const slots = Object.entries(fields).flatMap(([name, { kind, rest, alias = rest }]) =>
    [name, rest, alias].map((spelling) => [spelling.toLowerCase(), { kind, name }] as const),
  );
  return new Map(slots);
}

/** Maps columns to slots. */
export type Columns = ReturnType<typeof createColumns>;

/** @throws UsageError for a target of `map` that resembles a field, but is none */
export function createColumns(options: Pick<ImportOptions, 'resource' | 'map' | 'ignore' | 'strict'>) {
  const { resource, map, ignore, strict } = options;
  const { fields, idNames } = RECORD_TYPES[resource];
  const id: Slot = { kind: 'id', name: `${resource}Id` };
  const slots = new Map<string, Slot>([
    ...[id.name, ...idNames].map((name) => [name.toLowerCase(), id] as const),
    ['source', { kind: 'id', name: 'source' }],
    ['attributes', { kind: 'attributes', name: 'attributes' }],
    ...fieldSlots(fields),
  ]);
  if (resource === 'content') slots.set('type', { kind: 'type', name: 'type' });
  const found = new Map<string, Slot | null>();

  /** Returns the field that an unknown column resembles, as `E-mail` and `Frist name` do; undefined if it resembles none. */
  function near(column: string): string | undefined {
    const wanted = lettersOf(column);
    let best: string | undefined;
    let least = wanted.length > 5 ? 2.5 : wanted.length > 3 ? 1.5 : 0.5;
    for (const [spelling, { name }] of slots) {
      const letters = lettersOf(spelling);
      // Swapped letters are one mistake.
      const distance = sorted(letters) === sorted(wanted) ? Number(letters !== wanted) : leven(wanted, letters);
      if (distance < least) [least, best] = [distance, name];
    }
    return best;
  }

  function find(column: string): Slot | null {
    if (ignore.includes(column) || REJECT_COLUMNS.includes(column)) return NOTHING;
    const name = map.get(column) ?? column;
    const slot = slots.get(name.toLowerCase());
    if (slot) return slot;
    const isNamed = map.has(column) || name.startsWith('attributes.');
    return strict && !isNamed ? null : { kind: 'attribute', name: name.replace(/^attributes\.(?=.)/s, '') };
  }

  for (const [column, target] of map) {
    const field = slots.has(target.toLowerCase()) || target.startsWith('attributes.') ? undefined : near(target);
    if (field === undefined) continue;
    throw new UsageError(
      `--map ${target}=${column}: "${target}" is not a field; did you mean ${field}=${column}? For an attribute of that name: --map 'attributes.${target}=${column}'.`,
    );
  }
  return {
    near,
    /** Returns null for an unknown column when `strict` is set. */
    slotOf(column: string): Slot | null {
      const known = found.get(column);
      if (known !== undefined) return known;
      const slot = find(column);
      // Bounded, since each row of NDJSON may have other names.
      if (found.size < 10_000) found.set(column, slot);
      return slot;
    },
  };
}

const lettersOf = (name: string): string => name.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '');
const sorted = (letters: string): string => [...letters].sort().join('');
