import {
  Decoded,
  fieldTable,
  id,
  isObject,
  type JsonObject,
  lookUp,
  number,
  type RecordContext,
  text,
} from './fields.ts';
import { TIMES, TimedRecord } from './record.ts';

export class ConversionItem extends Decoded {
  static override readonly type = 'ConversionItem';
  static override readonly fields = fieldTable('ConversionItem', {
    itemId: id('itemid'),
    name: text('name'),
    price: number('price'),
    quantity: number('quantity'),
    total: number('total'),
  });

  readonly conversion: Conversion;

  constructor(raw: JsonObject, context: RecordContext, conversion: Conversion) {
    super(raw, context);
    this.conversion = conversion;
  }

  get conversionSource(): string {
    return this.conversion.source;
  }

  get itemId(): string | null {
    return this.textOf(this.raw.itemid, 'itemId');
  }

  get name(): string | null {
    return this.textOf(this.raw.name, 'name');
  }

  get price(): number | null {
    return this.numberOf(this.raw.price, 'price');
  }

  get quantity(): number | null {
    return this.numberOf(this.raw.quantity, 'quantity');
  }

  get total(): number | null {
    return this.numberOf(this.raw.total, 'total');
  }
}

const EMPTY_LINE: JsonObject = {};

/** A conversion. The REST paths call it `sale`. */
export class Conversion extends TimedRecord {
  static override readonly resource = 'conversion';
  static override readonly idNames = ['conversionid'];
  static override readonly type = 'Conversion';
  static override readonly fields = fieldTable('Conversion', {
    profileId: id('profileid', 'profile_id'),
    email: text('email'),
    total: number('total'),
    ...TIMES,
    items: { kind: 'items', rest: 'items', lines: ConversionItem.fields, read: () => null },
  });
  static readonly Item = ConversionItem;

  #items: readonly ConversionItem[] | undefined;

  get conversionId(): string {
    return this.key.id;
  }

  get profileId(): string | null {
    return this.textOf(this.raw.profileid, 'profileId');
  }

  get email(): string | null {
    return this.textOf(this.raw.email, 'email');
  }

  get total(): number | null {
    return this.numberOf(this.raw.total, 'total');
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
