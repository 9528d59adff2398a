import {
  addFieldGetters,
  attributesOf,
  Decoded,
  type Field,
  type FieldTable,
  type FieldValues,
  id,
  isObject,
  type JsonObject,
  number,
  type RecordContext,
  text,
  time,
} from './fields.ts';
import { type DatatricsRecord, defineRecord } from './record.ts';

export const conversionItemFields = {
  itemId: id('itemid'),
  name: text('name'),
  price: number('price'),
  quantity: number('quantity'),
  total: number('total'),
} as const;

/** One line of a conversion. */
export type ConversionItem = FieldValues<typeof conversionItemFields> & {
  readonly attributes: JsonObject;
  /** The source of the line's conversion. */
  readonly conversionSource: string;
};

const EMPTY_LINE: JsonObject = {};

/**
 * Creates the field for a conversion's lines.
 * @param lines the field table of a line
 */
export function itemsField(lines: FieldTable): Field<ConversionItem[]> {
  class Line extends Decoded {
    readonly conversion: Conversion;
    #attributes: JsonObject | undefined;

    constructor(raw: JsonObject, context: RecordContext, conversion: Conversion) {
      super(raw, context);
      this.conversion = conversion;
    }

    get conversionSource(): string {
      return this.conversion.source;
    }

    get attributes(): JsonObject {
      this.#attributes ??= attributesOf(this, lines, 'ConversionItem');
      return this.#attributes;
    }
  }
  addFieldGetters(Line, lines, 'ConversionItem');

  /** Reads the lines once per conversion. */
  function read(value: unknown, context: RecordContext, owner: Decoded): ConversionItem[] {
    owner.lines ??= readLines(value, context, owner);
    return owner.lines as ConversionItem[];
  }

  /**
   * Reads a list, or an object with numbered keys, as PHP encodes some lists. A line that is not an object becomes empty, so
   * that the other lines keep their index.
   */
  function readLines(value: unknown, context: RecordContext, owner: unknown): ConversionItem[] {
    const rows = Array.isArray(value) ? value : isObject(value) ? Object.values(value) : [];
    if (context.operation?.takeItems(rows.length) === false) return [];
    return rows.map((row) => {
      const line: unknown = new Line(isObject(row) ? row : EMPTY_LINE, context, owner as Conversion);
      return line as ConversionItem;
    });
  }

  return { kind: 'items', rest: 'items', lines, read };
}

export const conversionFields = {
  profileId: id('profileid', 'profile_id'),
  email: text('email'),
  total: number('total'),
  createdAt: time('created', 'created_at'),
  updatedAt: time('updated', 'updated_at'),
  items: itemsField(conversionItemFields),
} as const;

export type Conversion = DatatricsRecord &
  Omit<FieldValues<typeof conversionFields>, 'items'> & {
    readonly conversionId: string;
    readonly items: readonly ConversionItem[];
  };

/** A conversion. The REST paths call it `sale`. */
export const Conversion = defineRecord<Conversion>({
  resource: 'conversion',
  idNames: ['conversionid'],
  fields: conversionFields,
});
