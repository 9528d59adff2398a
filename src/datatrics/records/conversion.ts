import {
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
  static readonly fields: FieldTable & typeof itemFields = itemFields;

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

/** The field for a conversion's lines, which are of the class `Item`. */
function itemsOf(Item: typeof ConversionItem): FieldSpec<readonly ConversionItem[]> {
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

/** The fields of a conversion whose lines are of the class `Item`. */
export const conversionFields = (Item: typeof ConversionItem) =>
  fieldTable('Conversion', {
    profileId: id('profileid', 'profile_id'),
    email: text('email'),
    total: number('total'),
    createdAt: time('created', 'created_at'),
    updatedAt: time('updated', 'updated_at'),
    items: itemsOf(Item),
  });

const fields = conversionFields(ConversionItem);

/** A conversion. The REST paths call it `sale`. */
export class Conversion extends ApiRecord {
  static override readonly resource = 'conversion';
  static override readonly idNames = ['conversionid'];
  static override readonly fields: FieldTable & typeof fields = fields;

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

  /** Kept, because a query may read them several times: by aliases, and by the compiled engine. */
  get items(): readonly ConversionItem[] {
    this.#items ??= this.read((this.constructor as typeof Conversion).fields.items) ?? [];
    return this.#items;
  }
}
