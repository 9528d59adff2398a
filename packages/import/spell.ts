import { encodeValue, type InputProblem, WRITE_BODIES } from '../../src/datatrics/encode.ts';
import type { ContentType } from '../../src/datatrics/endpoints.ts';
import { idProblem, isTooLong, type RecordKey, textProblem } from '../../src/datatrics/keys.ts';
import { type Field, isObject, type JsonObject } from '../../src/datatrics/records/fields.ts';
import { RECORD_TYPES } from '../../src/datatrics/records/record-types.ts';
import type { Slot } from './columns.ts';
import { type ConvertOptions, isKey } from './convert.ts';
import { contentType, objectOf, textOf, ValueError, Values } from './values.ts';

/** A record to send: its key, and its request body as JSON. */
export interface Spelled {
  readonly key: RecordKey;
  readonly json: string;
}

/** The part of a request body that a column or an attribute sets. */
interface Place {
  readonly as: 'id' | 'source' | 'type' | 'value' | 'attributes' | 'nothing';
  /** Places with the same number must not both have a value in one row. */
  readonly number: number;
  /** JSON of the name, with a colon. */
  readonly label: string;
  /** Undefined for keys and attributes. */
  readonly field: Field | undefined;
  readonly name: string;
  /** Whether the value is outside the wrapper object, beside id and source. */
  readonly isBeside: boolean;
  readonly isKey: boolean;
}

/** Names cached at most, since each row of NDJSON may have other names. */
const MAX_PLACES = 10_000;

/**
 * Writes the JSON of simple rows in one step. `Converter` and `encodeRecord` take two, and create an object in each. Methods
 * return null for a row with a problem (a missing, invalid or duplicate value): the slow path reports it.
 */
export class Speller {
  readonly #options: ConvertOptions;
  readonly #values: Values;
  /** IANA zone of the API's times. */
  readonly #zone: string;
  readonly #columns = new Map<string, Place | null>();
  readonly #attributes = new Map<string, Place | null>();
  readonly #numbers = new Map<string, number>();
  readonly #open: string;
  readonly #wrap: string;
  /** For each place number, the last row that had a value there, as `#rowCount`. */
  readonly #lastSet: number[] = [];
  #rowCount = 0;
  // State of the current row.
  #id: string | null = null;
  #source: string | null = null;
  #type: ContentType | null = null;
  #beside = '';
  #inner = '';
  #isPlain = false;
  /** Source of the previous row. Usually the next row has the same, so its JSON is cached. */
  #lastSource = '';
  #lastSourceJson = '""';

  constructor(options: ConvertOptions, zone: string) {
    this.#options = options;
    this.#values = new Values(options);
    this.#zone = zone;
    const { idKey, wrapper } = WRITE_BODIES[options.resource];
    this.#open = `{${JSON.stringify(idKey)}:`;
    this.#wrap = `,${JSON.stringify(wrapper)}:{`;
  }

  /**
   * Returns a function for the cells of all rows of a CSV file; null if the header has other columns than fields and
   * attributes, as in a file of rejects.
   */
  forHeader(slots: readonly Slot[]): ((cells: readonly string[]) => Spelled | null) | null {
    const places = slots.map((slot) => this.#placeOf(slot));
    if (!places.every((place) => place !== null)) return null;
    const emptied = this.#options.empty === 'null';
    return (cells) => {
      this.#begin(false);
      try {
        for (let at = 0; at < places.length; at++) {
          const place = places[at] as Place;
          const cell = cells[at] as string;
          if (cell !== '') {
            if (!this.#set(place, cell)) return null;
          } else if (emptied && !place.isKey && !this.#set(place, null)) return null;
        }
        return this.#finish();
      } catch (error) {
        return nullForValueError(error);
      }
    };
  }

  /**
   * Writes the JSON of a line of NDJSON.
   *
   * @param record the parsed line
   * @param isPlain whether the line has no backslash, so that its strings need no escaping
   */
  ofRecord(record: JsonObject, isPlain: boolean): Spelled | null {
    this.#begin(isPlain);
    try {
      return this.#setAll(record, true) ? this.#finish() : null;
    } catch (error) {
      return nullForValueError(error);
    }
  }

  #begin(isPlain: boolean): void {
    this.#rowCount += 1;
    this.#id = null;
    this.#source = null;
    this.#type = null;
    this.#beside = '';
    this.#inner = '';
    this.#isPlain = isPlain;
  }

  #setAll(record: JsonObject, isOuter: boolean): boolean {
    for (const name in record) {
      const value = record[name];
      if (isOuter && isObject(value) && name === WRITE_BODIES[this.#options.resource].wrapper) {
        if (!this.#setAll(value, false)) return false;
        continue;
      }
      const place = this.#columnOf(name);
      if (place === null || !this.#set(place, value)) return false;
    }
    return true;
  }

  /** Returns false for a value that needs the slow path. */
  #set(place: Place, value: unknown): boolean {
    if (place.as === 'nothing') return true;
    if (place.as === 'attributes') return this.#setAttributes(value);
    if (this.#lastSet[place.number] === this.#rowCount) return false;
    this.#lastSet[place.number] = this.#rowCount;
    switch (place.as) {
      case 'id':
        if (value === null) return false;
        this.#id = textOf(value, true);
        return true;
      case 'source':
        this.#source = value === null ? null : textOf(value, false);
        return true;
      case 'type':
        this.#type = contentType(value);
        return true;
    }
    const json = this.#json(place, value);
    if (json === null) return false;
    if (place.isBeside) this.#beside += `,${place.label}${json}`;
    else this.#inner += this.#inner === '' ? place.label + json : `,${place.label}${json}`;
    return true;
  }

  #setAttributes(value: unknown): boolean {
    if (value === null) return true;
    const attributes = objectOf(value);
    for (const name in attributes) {
      const place = this.#attributeOf(name);
      if (place === null || !this.#set(place, attributes[name])) return false;
    }
    return true;
  }

  #json({ field, name }: Place, value: unknown): string | null {
    if (field === undefined) return typeof value === 'string' ? this.#quote(value) : JSON.stringify(value);
    if (value === null) return 'null';
    if (field.kind === 'text' || field.kind === 'id') {
      const text = textOf(value, field.kind === 'id');
      return field.kind === 'id' && isTooLong(text) ? null : this.#quote(text);
    }
    const problems: InputProblem[] = [];
    const coerced = this.#values.coerce(field.kind, value);
    const json = JSON.stringify(encodeValue(name, field, coerced, this.#zone, [], problems));
    return problems.length > 0 ? null : json;
  }

  #quote(text: string): string {
    return this.#isPlain ? `"${text}"` : JSON.stringify(text);
  }

  #finish(): Spelled | null {
    const { resource } = this.#options;
    const id = this.#id;
    const source = this.#source || this.#options.source;
    if (id === null || source === undefined || source === '' || idProblem(id)) return null;
    if (source !== this.#lastSource) {
      if (textProblem(source)) return null;
      this.#lastSource = source;
      this.#lastSourceJson = JSON.stringify(source);
    }
    const head = `${this.#open}${this.#quote(id)},"source":${this.#lastSourceJson}${this.#beside}`;
    const json = `${head}${this.#wrap}${this.#inner}}}`;
    // Reading a character makes V8 flatten the string. Otherwise its dozen parts would stay in memory as long as the row.
    if (json.charCodeAt(0) !== BRACE) return null;
    const key: RecordKey =
      resource === 'content'
        ? { resource, id, source: this.#lastSource, type: this.#type ?? this.#options.type }
        : { resource, id, source: this.#lastSource };
    return { key, json };
  }

  #columnOf(name: string): Place | null {
    const known = this.#columns.get(name);
    if (known !== undefined) return known;
    if (this.#columns.size >= MAX_PLACES) return null;
    const slot = this.#options.columns.slotOf(name);
    const place =
      slot && this.#placeOf(slot.as === 'code' || slot.as === 'record' || slot.as === 'raw' ? NOTHING : slot);
    this.#columns.set(name, place);
    return place;
  }

  #attributeOf(name: string): Place | null {
    const known = this.#attributes.get(name);
    if (known !== undefined) return known;
    if (this.#attributes.size >= MAX_PLACES) return null;
    const { resource } = this.#options;
    const isReserved = RECORD_TYPES[resource].reserved.has(name);
    const place = isReserved ? null : this.#place('value', name, undefined, name);
    this.#attributes.set(name, place);
    return place;
  }

  #placeOf(slot: Slot): Place | null {
    switch (slot.as) {
      case 'attribute':
        return this.#attributeOf(slot.name);
      case 'type':
      case 'attributes':
      case 'nothing':
        return this.#place(slot.as, slot.as, undefined, '', slot.as === 'type');
      case 'field':
        break;
      default:
        return null;
    }
    const { resource } = this.#options;
    if (isKey(slot, resource)) {
      return this.#place(slot.name === 'source' ? 'source' : 'id', slot.name, undefined, '', true);
    }
    const field = (RECORD_TYPES[resource].fields as Readonly<Record<string, Field>>)[slot.name];
    return field === undefined ? null : this.#place('value', slot.name, field, field.rest);
  }

  #place(as: Place['as'], name: string, field: Field | undefined, rest: string, isKeyPart = false): Place {
    const kind = field === undefined && as === 'value' ? 'attribute' : 'field';
    const place = `${kind} ${name}`;
    const number = this.#numbers.get(place) ?? this.#numbers.size;
    this.#numbers.set(place, number);
    const isBeside = WRITE_BODIES[this.#options.resource].beside.includes(rest);
    return { as, number, label: `${JSON.stringify(rest)}:`, field, name, isBeside, isKey: isKeyPart };
  }
}

const BRACE = 0x7b;

const NOTHING: Slot = { as: 'nothing' };

function nullForValueError(error: unknown): null {
  if (error instanceof ValueError) return null;
  throw error;
}
