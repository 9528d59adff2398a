import {
  attributesOf,
  Decoded,
  type FieldTable,
  fieldTable,
  id,
  isObject,
  type JsonObject,
  lookUp,
  number,
  type RecordContext,
  text,
  time,
} from './fields.ts';
import { ApiRecord } from './record.ts';

const itemFields = fieldTable('ConversionItem', {
  itemId: id('itemid'),
  name: text('name'),
  price: number('price'),
  quantity: number('quantity'),
  total: number('total'),
});

/** One line of a conversion. */
export class ConversionItem extends Decoded {
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

  get itemId(): string | null {
    return this.text(this.raw.itemid, itemFields.itemId);
  }

  get name(): string | null {
    return this.text(this.raw.name, itemFields.name);
  }

  get price(): number | null {
    return this.number(this.raw.price, itemFields.price);
  }

  get quantity(): number | null {
    return this.number(this.raw.quantity, itemFields.quantity);
  }

  get total(): number | null {
    return this.number(this.raw.total, itemFields.total);
  }

  get attributes(): JsonObject {
    const { fields } = this.constructor as typeof ConversionItem;
    this.#attributes ??= attributesOf(this, fields, 'ConversionItem');
    return this.#attributes;
  }
}

const EMPTY_LINE: JsonObject = {};

const fields = fieldTable('Conversion', {
  profileId: id('profileid', 'profile_id'),
  email: text('email'),
  total: number('total'),
  createdAt: time('created', 'created_at'),
  updatedAt: time('updated', 'updated_at'),
  items: { kind: 'items', rest: 'items', lines: ConversionItem.fields, read: () => null },
});

/** A conversion. The REST paths call it `sale`. */
export class Conversion extends ApiRecord {
  static override readonly resource = 'conversion';
  static override readonly idNames = ['conversionid'];
  static override readonly fields: FieldTable = fields;
  /** The class of the lines. */
  static readonly Item = ConversionItem;

  #items: readonly ConversionItem[] | undefined;

  get conversionId(): string {
    return this.key.id;
  }

  get profileId(): string | null {
    return this.text(this.raw.profileid, fields.profileId);
  }

  get email(): string | null {
    return this.text(this.raw.email, fields.email);
  }

  get total(): number | null {
    return this.number(this.raw.total, fields.total);
  }

  get createdAt(): string | null {
    return this.time(this.raw.created, fields.createdAt);
  }

  get updatedAt(): string | null {
    return this.time(this.raw.updated, fields.updatedAt);
  }

  /**
   * A list, or an object with numbered keys, as PHP encodes some lists. A line that is not an object becomes empty, so that
   * the other lines keep their index. Kept, because a query may read the lines several times.
   */
  get items(): readonly ConversionItem[] {
    if (this.#items === undefined) {
      const { Item } = this.constructor as typeof Conversion;
      const { raw, context } = this;
      const value = lookUp(raw, 'items');
      const rows = Array.isArray(value) ? value : isObject(value) ? Object.values(value) : [];
      this.#items =
        context.operation?.takeItems(rows.length) === false
          ? []
          : rows.map((row) => new Item(isObject(row) ? row : EMPTY_LINE, context, this));
    }
    return this.#items;
  }
}
