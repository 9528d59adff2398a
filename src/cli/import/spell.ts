import { encodeValue, type InputProblem, WRITE_BODIES } from '../../datatrics/encode.ts';
import type { ContentType } from '../../datatrics/endpoints.ts';
import { idProblem, isTooLong, type RecordKey, textProblem } from '../../datatrics/keys.ts';
import { type Field, isObject, type JsonObject } from '../../datatrics/records/fields.ts';
import { RECORD_TYPES } from '../../datatrics/records/record-types.ts';
import type { Slot } from './columns.ts';
import { type ConvertOptions, isKey } from './convert.ts';
import { contentType, objectOf, textOf, ValueError, Values } from './values.ts';

/** A record as it goes out: whose it is, and its body as JSON. */
export interface Spelled {
  readonly key: RecordKey;
  readonly json: string;
}

/** Where the values of a column, or of an attribute, go in a body. */
interface Place {
  readonly as: 'id' | 'source' | 'type' | 'value' | 'attributes' | 'nothing';
  /** Two places that must not both have a value have the same number. */
  readonly number: number;
  /** Name and colon, as JSON. */
  readonly label: string;
  /** Undefined for an attribute. */
  readonly field: Field | undefined;
  readonly name: string;
  readonly isBeside: boolean;
  readonly isKey: boolean;
}

/** Names that are remembered: rows of NDJSON may each have some of their own. */
const MAX_PLACES = 10_000;

/**
 * Spells plain rows in one step, straight to JSON, where `Converter` and `encodeRecord` take two and make an object in each.
 * Everything that needs a word (what is missing, can't be read, is there twice) is left to those: then it gives null.
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
  /** Turns in which the places of these numbers last had a value. */
  readonly #taken: number[] = [];
  #turn = 0;
  // What the row at hand has so far.
  #id: string | null = null;
  #source: string | null = null;
  #type: ContentType | null = null;
  #beside = '';
  #inner = '';
  #isPlain = false;
  /** The source of the row before, which is that of this one as a rule. */
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
   * Makes a function for the cells of all rows under one header; null for a header that has more than fields and attributes,
   * as that of rejects.
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
        return unspelled(error);
      }
    };
  }

  /**
   * @param record as a line of NDJSON had it
   * @param isPlain whether there was no backslash in the line, so that its texts are written as they were read
   */
  ofRecord(record: JsonObject, isPlain: boolean): Spelled | null {
    this.#begin(isPlain);
    try {
      return this.#setAll(record, true) ? this.#finish() : null;
    } catch (error) {
      return unspelled(error);
    }
  }

  #begin(isPlain: boolean): void {
    this.#turn += 1;
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

  /** False for what is left to others. */
  #set(place: Place, value: unknown): boolean {
    if (place.as === 'nothing') return true;
    if (place.as === 'attributes') return this.#setAttributes(value);
    if (this.#taken[place.number] === this.#turn) return false;
    this.#taken[place.number] = this.#turn;
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
    // Looked into, so that it becomes one piece of memory: the dozen that it was put together of would live as long as the row.
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

function unspelled(error: unknown): null {
  if (error instanceof ValueError) return null;
  throw error;
}
