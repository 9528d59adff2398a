import {
  addGetters,
  attributesOf,
  Decoded,
  type FieldSpec,
  type FieldTable,
  fieldTable,
  id,
  isObject,
  type JsonObject,
  number,
  type RecordContext,
  text,
  time,
} from './fields.ts';
import { recordClass } from './record.ts';

const itemFields = fieldTable('ConversionItem', {
  itemId: id('itemid'),
  name: text('name'),
  price: number('price'),
  quantity: number('quantity'),
  total: number('total'),
});

/** One line of a conversion. */
export class ConversionItem extends addGetters(class extends Decoded {}, itemFields) {
  static readonly fields: FieldTable = itemFields;

  readonly conversion: Conversion;
  #attributes: JsonObject | undefined;

  constructor(raw: JsonObject, context: RecordContext, conversion: Conversion) {
    super(raw, context);
    this.conversion = conversion;
  }

  /** The source of the line's conversion. */
  get conversionSource(): string {
    return this.conversion.source;
  }

  get attributes(): JsonObject {
    const { fields } = this.constructor as typeof ConversionItem;
    this.#attributes ??= attributesOf(this, fields, 'ConversionItem');
    return this.#attributes;
  }
}

const EMPTY_LINE: JsonObject = {};

/** The field for a conversion's lines, which are of the class `Item`. */
export function itemsOf(Item: typeof ConversionItem): FieldSpec<readonly ConversionItem[]> {
  /**
   * Reads a list, or an object with numbered keys, as PHP encodes some lists. A line that is not an object becomes empty, so
   * that the other lines keep their index.
   */
  function read(value: unknown, context: RecordContext, owner: Decoded): readonly ConversionItem[] {
    const rows = Array.isArray(value) ? value : isObject(value) ? Object.values(value) : [];
    if (context.operation?.takeItems(rows.length) === false) return [];
    return rows.map((row) => new Item(isObject(row) ? row : EMPTY_LINE, context, owner as Conversion));
  }
  return { kind: 'items', rest: 'items', lines: Item.fields, read };
}

/** A conversion. The REST paths call it `sale`. */
export class Conversion extends recordClass(
  'conversion',
  {
    profileId: id('profileid', 'profile_id'),
    email: text('email'),
    total: number('total'),
    createdAt: time('created', 'created_at'),
    updatedAt: time('updated', 'updated_at'),
    items: itemsOf(ConversionItem),
  },
  { idNames: ['conversionid'] },
) {
  #items: readonly ConversionItem[] | undefined;

  /** Kept, because a query may read them several times: by aliases, and by the compiled engine. */
  get items(): readonly ConversionItem[] {
    this.#items ??= this.read((this.constructor as typeof Conversion).fields.items) ?? [];
    return this.#items;
  }
}
