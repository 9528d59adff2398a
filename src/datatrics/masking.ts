import { createHmac } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Operation } from '../upstream/operation.ts';
import type { TypeName } from './keys.ts';

/** How personal data comes to those who may not see it. */
export type MaskMode = 'hash' | 'partial' | 'null';

export interface MaskOptions {
  readonly mode: MaskMode;
  /** Key of the hashes; needed with `hash`. */
  readonly key?: string | undefined;
  /** Names of further fields that are personal, by their REST or GraphQL names; of all types. */
  readonly fields: readonly string[];
  /** Names that are personal in one type only. */
  readonly ofTypes?: Readonly<Partial<Record<MaskedType, readonly string[]>>> | undefined;
}

/** What masking looks at of a field of a record. */
interface FieldDescription {
  /** REST name. */
  readonly rest: string;
  readonly kind: string;
  /** Declared by configuration. */
  readonly custom?: true;
}

/** The types of records, and of the lines in a conversion. */
export type MaskedType = TypeName | 'ConversionItem';

/**
 * Fields that are a person's, by normal names. The `name` of a product is nobody's. Masking, the scope `pii:read` for filters
 * and orders, and the subgraph's tags all go by this list and what the configuration adds to it.
 */
const PERSONAL = ['email', 'name', 'firstname', 'lastname'];
/** A line may name who gets it, but its own `name` is that of what was bought. */
const PERSONAL_IN_LINES = PERSONAL.filter((name) => name !== 'name');
const OF_PERSONS: ReadonlySet<MaskedType> = new Set(['Profile', 'Conversion', 'Interaction']);

/** Levels of lists and objects in attributes that are looked into; what lies deeper is masked whole. */
const MAX_LEVELS = 16;

/** What an e-mail address looks like wherever it may stand. */
const ADDRESS = /^\s*[^\s@]{1,128}@[^\s@]{1,250}\s*$/;
/** What stands between the parts of an address that is within other text, such as a sentence, JSON or a link. */
const AT = /@|%40/g;
/** Ends an address there. */
const BOUNDS = /[\s@%<>()[\]{}"'`,;:=&?/\\]/;
/** What masking weighs against one plain value: an `@` in a text, characters around it, and a hash. */
const LOOK = 0.1;
const CHARACTERS_PER_VALUE = 32;
const HASH = 5;
/** Characters before and behind the `@` at most. */
const MAX_LOCAL = 128;
const MAX_DOMAIN = 250;

export function isAddress(value: string): boolean {
  return ADDRESS.test(value);
}

/** `First_Name`, `firstName` and `firstname` are one name. */
function normalize(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

/** Masked attributes that an answer names one by one; beyond that it names `attributes`. */
const MAX_NAMED = 200;

/** Hashes that are remembered, and characters of what they are of. */
const MAX_REMEMBERED = 10_000;
const MAX_REMEMBERED_CHARACTERS = 200;

/** Which fields are personal, and what stands for their values. */
export class Masking {
  readonly #options: MaskOptions;
  readonly #hashes = new LRUCache<string, string>({ max: MAX_REMEMBERED });
  readonly #extra: ReadonlySet<string>;
  readonly #ofPersons: ReadonlySet<string>;
  readonly #ofTypes: ReadonlyMap<string, ReadonlySet<string>>;
  readonly #ofLines: ReadonlySet<string>;

  constructor(options: MaskOptions) {
    this.#options = options;
    this.#extra = new Set(options.fields.map(normalize));
    this.#ofPersons = new Set([...PERSONAL, ...this.#extra]);
    this.#ofTypes = new Map(
      Object.entries(options.ofTypes ?? {}).map(([type, names]) => [type, new Set(names.map(normalize))]),
    );
    this.#ofLines = new Set([...PERSONAL_IN_LINES, ...this.#extra]);
  }

  /** Whether a field is personal; `name` in any spelling. */
  covers(type: MaskedType, name: string): boolean {
    const plain = normalize(name);
    return this.#namesOf(type).has(plain) || this.#ofTypes.get(type)?.has(plain) === true;
  }

  /** Whether anything is personal by its name in this type. */
  coversAny(type: MaskedType): boolean {
    return this.#namesOf(type).size > 0 || this.#ofTypes.has(type);
  }

  #namesOf(type: MaskedType): ReadonlySet<string> {
    return OF_PERSONS.has(type) ? this.#ofPersons : type === 'ConversionItem' ? this.#ofLines : this.#extra;
  }

  /** The same people come up again and again, and a hash costs more than all else that a field goes through. */
  hash(key: string, text: string): string {
    let hashed = this.#hashes.get(text);
    if (hashed === undefined) {
      hashed = `hash:${createHmac('sha256', key).update(text).digest('base64url').slice(0, 22)}`;
      if (text.length <= MAX_REMEMBERED_CHARACTERS) this.#hashes.set(text, hashed);
    }
    return hashed;
  }

  /** For one operation in a project: keeps what was masked. */
  for(project: string, operation?: Operation): Mask {
    return new Mask(this, this.#options, project, operation);
  }
}

/** The masking of one operation. */
export class Mask {
  /** What has been masked: `Profile.email`, `Profile.attributes.phone`. */
  readonly masked = new Set<string>();
  readonly #masking: Masking;
  readonly #options: MaskOptions;
  readonly #project: string;
  readonly #operation: Operation | undefined;
  readonly #covered = new Map<string, boolean>();

  constructor(masking: Masking, options: MaskOptions, project: string, operation: Operation | undefined) {
    this.#masking = masking;
    this.#options = options;
    this.#project = project;
    this.#operation = operation;
  }

  /** A field's value as this caller may see it; only text can be hashed, all else becomes null, times in text included. */
  field<T>(type: MaskedType, name: string, { rest, kind, custom }: FieldDescription, value: T): T | null {
    if (value === null) return value;
    if (this.#covers(type, name) || this.#covers(type, rest)) {
      this.masked.add(`${type}.${name}`);
      return kind === 'text' && typeof value === 'string' ? (this.#cover(value) as T | null) : null;
    }
    // What a project's own fields hold nobody has vouched for: an address in one is as personal as in an attribute.
    if (custom !== true) return value;
    const given = String(value);
    const text = ADDRESS.test(given) ? this.#cover(given) : this.text(given);
    if (text === given) return value;
    this.masked.add(`${type}.${name}`);
    return kind === 'text' ? (text as T | null) : null;
  }

  /** Attributes as this caller may see them, at all their levels. */
  attributes(type: MaskedType, attributes: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
    return this.#object(type, attributes, `${type}.attributes`, MAX_LEVELS);
  }

  /** Text with the addresses in it covered, for words that are not a field's. */
  text(value: string): string {
    let result = '';
    let from = 0;
    for (const { 0: at, index } of value.matchAll(AT)) {
      const [start, end] = addressAround(value, index, index + at.length, from);
      if (this.#operation?.take(LOOK + (end - start) / CHARACTERS_PER_VALUE) === false) return '***';
      if (start === index || end === index + at.length) continue;
      result += value.slice(from, start) + (this.#cover(value.slice(start, end)) ?? '***');
      from = end;
    }
    return from === 0 ? value : result + value.slice(from);
  }

  /** Whether text has an address in it. */
  hasAddress(value: string): boolean {
    return ADDRESS.test(value) || this.text(value) !== value;
  }

  #object(type: MaskedType, value: object, path: string, levels: number): Record<string, unknown> {
    const result: Record<string, unknown> = Object.create(null);
    for (const [given, inner] of Object.entries(value)) {
      const name = this.text(given);
      if (name !== given) this.#note(type, path, name);
      result[name] = this.#value(type, name, inner, path, levels);
    }
    return result;
  }

  #value(type: MaskedType, name: string, value: unknown, path: string, levels: number): unknown {
    if (value === null || value === '') return value;
    const isObject = typeof value === 'object';
    if (this.#covers(type, name) || (isObject && levels === 0)) {
      this.#note(type, path, name);
      return isObject ? null : this.#cover(String(value));
    }
    // An address is personal under any name.
    if (typeof value === 'string' && isAddress(value)) {
      this.#note(type, path, name);
      return this.#cover(value);
    }
    if (typeof value === 'string') {
      const text = this.text(value);
      if (text !== value) this.#note(type, path, name);
      return text;
    }
    if (Array.isArray(value)) return value.map((item) => this.#value(type, name, item, path, levels - 1));
    return isObject ? this.#object(type, value, `${path}.${name}`, levels - 1) : value;
  }

  /** Notes that something in an attribute was masked. */
  #note(type: MaskedType, path: string, name: string): void {
    this.masked.add(this.masked.size < MAX_NAMED ? `${path}.${name}` : `${type}.attributes`);
  }

  #covers(type: MaskedType, name: string): boolean {
    const known = this.#covered.get(`${type}.${name}`);
    if (known !== undefined) return known;
    const covered = this.#masking.covers(type, name);
    // Names in attributes are the project's own, and any number.
    if (this.#covered.size < 1_000) this.#covered.set(`${type}.${name}`, covered);
    return covered;
  }

  #cover(value: string): string | null {
    const { mode, key } = this.#options;
    if (mode === 'null') return null;
    if (mode === 'partial') return partial(value);
    if (key === undefined || this.#operation?.take(HASH) === false) return null;
    // Addresses join whatever their case; a hash of one project tells nothing in another.
    const text = value.includes('@') ? value.trim().toLowerCase() : value;
    return this.#masking.hash(key, `${this.#project}\n${text}`);
  }
}

/**
 * Where an address begins and ends whose `@` is known; looked for from there, since a pattern that may begin anywhere takes
 * as many steps for every character as an address has.
 *
 * @param at where the `@` begins
 * @param behind where it ends
 * @param from where the address before it ends
 */
function addressAround(text: string, at: number, behind: number, from: number): [start: number, end: number] {
  let start = at;
  while (start > Math.max(from, at - MAX_LOCAL) && isInLocal(text, start - 1, from)) start -= 1;
  let end = behind;
  while (end < Math.min(text.length, behind + MAX_DOMAIN) && !isBound(text, end)) end += 1;
  return [start, end];
}

/** An apostrophe belongs to a name, as in `o'brien`, and to nothing where it only opens a quotation. */
function isInLocal(text: string, index: number, from: number): boolean {
  return !isBound(text, index) || (text[index] === "'" && index > from && !isBound(text, index - 1));
}

function isBound(text: string, index: number): boolean {
  return BOUNDS.test(text[index] as string);
}

/** First letters only: `a***@e***` for an address, `A***` for all else. */
function partial(value: string): string {
  const first = (text: string): string => `${[...text][0] ?? ''}***`;
  const at = value.lastIndexOf('@');
  return at > 0 ? `${first(value.slice(0, at))}@${first(value.slice(at + 1))}` : first(value);
}
