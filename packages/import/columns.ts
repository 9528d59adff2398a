import leven from 'leven';
import type { Resource } from '../../src/datatrics/endpoints.ts';
import type { Field, FieldTable } from '../../src/datatrics/records/fields.ts';
import { RECORD_TYPES } from '../../src/datatrics/records/record-types.ts';

/** The part of a record that a column sets. */
export type Slot =
  /** A field of the input, including the record's id and `source`. */
  | { readonly as: 'field'; readonly name: string; readonly kind: Field['kind'] }
  /** Whether content is an item or a category. */
  | { readonly as: 'type' }
  | { readonly as: 'attribute'; readonly name: string }
  /** An object of attributes. */
  | { readonly as: 'attributes' }
  /** A whole record as JSON, in rejects of NDJSON. */
  | { readonly as: 'record' }
  /** A whole row of CSV, in rejects that could not be split into cells. */
  | { readonly as: 'raw' }
  /** Code of an earlier rejection. */
  | { readonly as: 'code' }
  | { readonly as: 'nothing' };

/** Columns that a file of rejects adds to those of the input. */
export const REJECT_COLUMNS = {
  row: '_row',
  code: '_code',
  reason: '_reason',
  raw: '_raw',
  record: '_record',
} as const;

const NOTHING: Slot = { as: 'nothing' };

/** Returns the slots of a resource by lower-case GraphQL and REST names. */
function slotsOf(resource: Resource): Map<string, Slot> {
  const { fields, idNames } = RECORD_TYPES[resource];
  const slots = new Map<string, Slot>();
  const id: Slot = { as: 'field', name: `${resource}Id`, kind: 'id' };
  for (const name of [`${resource}Id`, ...idNames]) slots.set(name.toLowerCase(), id);
  slots.set('source', { as: 'field', name: 'source', kind: 'id' });
  if (resource === 'content') slots.set('type', { as: 'type' });
  slots.set('attributes', { as: 'attributes' });
  for (const [name, slot] of fieldSlots(fields)) slots.set(name, slot);
  return slots;
}

/** Returns the slots of a field table by lower-case GraphQL and REST names. */
export function fieldSlots(fields: FieldTable): Map<string, Slot> {
  const slots = new Map<string, Slot>();
  for (const [name, { kind, rest, alias }] of Object.entries(fields)) {
    for (const spelling of [name, rest, alias]) {
      if (spelling !== undefined) slots.set(spelling.toLowerCase(), { as: 'field', name, kind });
    }
  }
  return slots;
}

export interface ColumnOptions {
  readonly resource: Resource;
  /** Field or attribute names, by column. */
  readonly map: ReadonlyMap<string, string>;
  /** Columns to skip. */
  readonly ignore: ReadonlySet<string>;
  /** Whether to reject columns that are not a field. Otherwise they become attributes. */
  readonly strict: boolean;
}

/** Maps columns to slots. */
export class Columns {
  readonly #slots: ReadonlyMap<string, Slot>;
  readonly #options: ColumnOptions;
  readonly #known = new Map<string, Slot | null>();

  constructor(options: ColumnOptions) {
    this.#options = options;
    this.#slots = slotsOf(options.resource);
  }

  /** Returns null for an unknown column when `strict` is set. */
  slotOf(column: string): Slot | null {
    let slot = this.#known.get(column);
    if (slot === undefined) {
      slot = this.#find(column);
      // Bounded, since each row of NDJSON may have other names.
      if (this.#known.size < 10_000) this.#known.set(column, slot);
    }
    return slot;
  }

  /** Returns the field that an unknown column resembles, as `E-mail` and `Frist name` do; undefined if it resembles none. */
  near(column: string): string | undefined {
    const wanted = lettersOf(column);
    let best: string | undefined;
    let least = wanted.length > 5 ? 2.5 : wanted.length > 3 ? 1.5 : 0.5;
    for (const [name, slot] of this.#slots) {
      const distance = leven(wanted, lettersOf(name));
      if (distance >= least) continue;
      least = distance;
      best = placeOf(slot);
    }
    return best;
  }

  #find(column: string): Slot | null {
    const { map, ignore, strict } = this.#options;
    const mapped = map.get(column);
    if (mapped !== undefined) return this.#named(mapped) ?? { as: 'attribute', name: mapped };
    if (ignore.has(column)) return NOTHING;
    if (column === REJECT_COLUMNS.record) return { as: 'record' };
    if (column === REJECT_COLUMNS.raw) return { as: 'raw' };
    if (column === REJECT_COLUMNS.code) return { as: 'code' };
    if (column === REJECT_COLUMNS.row || column === REJECT_COLUMNS.reason) return NOTHING;
    return this.#named(column) ?? (strict ? null : { as: 'attribute', name: column });
  }

  #named(name: string): Slot | undefined {
    const slot = this.#slots.get(name.toLowerCase());
    if (slot) return slot;
    const [, attribute] = /^attributes\.(.+)$/s.exec(name) ?? [];
    return attribute === undefined ? undefined : { as: 'attribute', name: attribute };
  }
}

function lettersOf(name: string): string {
  return name.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '');
}

/** Returns what a column sets: a field, `attributes.NAME` or `nothing`. */
export function placeOf(slot: Slot | null | undefined): string {
  if (slot?.as === 'attribute') return `attributes.${slot.name}`;
  return slot && 'name' in slot ? slot.name : (slot?.as ?? 'nothing');
}
