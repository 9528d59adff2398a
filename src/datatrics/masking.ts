import { createHmac } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Operation } from '../upstream/operation.ts';
import type { TypeName } from './keys.ts';

/** How personal data is masked for callers without `pii:read`. */
export type MaskMode = 'hash' | 'partial' | 'null';

export interface MaskOptions {
  readonly mode: MaskMode;
  /** Key of the hashes. Required with `hash`. */
  readonly key?: string | undefined;
  /** Further personal fields of all types, by REST or GraphQL name. */
  readonly fields: readonly string[];
  /** Further personal fields of one type. */
  readonly ofTypes?: Readonly<Partial<Record<MaskedType, readonly string[]>>> | undefined;
}

interface FieldDescription {
  readonly type: MaskedType;
  readonly name: string;
  readonly rest: string;
  readonly kind: string;
  readonly custom?: true;
}

export type MaskedType = TypeName | 'ConversionItem';

/**
 * The personal fields, by normalized name. Masking, the scope `pii:read` for filters and orders, and the subgraph's tags
 * all depend on this list and on the fields that the configuration adds.
 */
const PERSONAL = ['email', 'name', 'firstname', 'lastname'];
/** By type. A line may contain a recipient's personal data, but its `name` is that of the product. */
const PERSONAL_BY_TYPE: Readonly<Record<MaskedType, readonly string[]>> = {
  Profile: PERSONAL,
  Content: [],
  Conversion: PERSONAL,
  ConversionItem: PERSONAL.filter((name) => name !== 'name'),
  Interaction: PERSONAL,
};

/** Levels of attributes that are masked value by value. A deeper value is masked as a whole. */
const MAX_LEVELS = 16;
/** Most masked attributes that an answer lists by name. After that it lists `attributes`. */
const MAX_NAMED = 200;
/** Most names whose coverage a mask remembers, because attributes may have any number of names. */
const MAX_REMEMBERED = 1_000;
/** Most hashes in the cache, and most characters of a cached hash's text. */
const MAX_CACHED_HASHES = 10_000;
const MAX_CACHED_CHARACTERS = 200;

const ADDRESS = /^\s*[^\s@]{1,128}@[^\s@]{1,250}\s*$/;
/** The separator of an address within other text, such as a sentence, JSON or a link. */
const AT = /@|%40/g;
const BOUNDS = /[\s@%<>()[\]{}"'`,;:=&?/\\]/;
/** Most characters of an address before and after the `@`. */
const MAX_LOCAL = 128;
const MAX_DOMAIN = 250;
/** Costs of masking in the operation's budget, where a plain value costs 1: per `@` in a text, and per hash. */
const AT_COST = 0.1;
const HASH_COST = 5;
/** Number of characters around an `@` that cost as much as a plain value. */
const CHARACTERS_PER_VALUE = 32;

export function isAddress(value: string): boolean {
  return ADDRESS.test(value);
}

/** Makes `First_Name`, `firstName` and `firstname` equal. */
function normalize(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

export class Masking {
  readonly #options: MaskOptions;
  /** By text. A hash takes longer than everything else about a field, and the same people occur often. */
  readonly #hashes = new LRUCache<string, string>({ max: MAX_CACHED_HASHES });
  readonly #names: ReadonlyMap<MaskedType, ReadonlySet<string>>;

  constructor(options: MaskOptions) {
    this.#options = options;
    this.#names = new Map(
      (Object.keys(PERSONAL_BY_TYPE) as MaskedType[]).map((type) => {
        const names = [...PERSONAL_BY_TYPE[type], ...options.fields, ...(options.ofTypes?.[type] ?? [])];
        return [type, new Set(names.map(normalize))];
      }),
    );
  }

  /** Whether a field is personal, in any case and with any separators. */
  covers(type: MaskedType, name: string): boolean {
    return this.#names.get(type)?.has(normalize(name)) === true;
  }

  coversAny(type: MaskedType): boolean {
    return this.#names.get(type)?.size !== 0;
  }

  /**
   * The replacement for a personal text; null if the operation's budget does not suffice for a hash. A hash is `hash:` and
   * 22 characters of HMAC-SHA-256 in base64url. It differs between projects.
   */
  replace(value: string, project: string, operation?: Operation): string | null {
    const { mode, key } = this.#options;
    if (mode === 'null') return null;
    if (mode === 'partial') return partial(value);
    if (key === undefined || operation?.take(HASH_COST) === false) return null;
    // Equal addresses have equal hashes in any case, so that clients can join by them.
    const text = `${project}\n${value.includes('@') ? value.trim().toLowerCase() : value}`;
    let hashed = this.#hashes.get(text);
    if (hashed === undefined) {
      hashed = `hash:${createHmac('sha256', key).update(text).digest('base64url').slice(0, 22)}`;
      if (text.length <= MAX_CACHED_CHARACTERS) this.#hashes.set(text, hashed);
    }
    return hashed;
  }

  for(project: string, operation?: Operation): Mask {
    return new Mask(this, project, operation);
  }
}

/** Masks values for one operation, and records which fields it masked. */
export class Mask {
  /** The masked fields: `Profile.email`, `Profile.attributes.phone`. */
  readonly masked = new Set<string>();
  readonly #masking: Masking;
  readonly #project: string;
  readonly #operation: Operation | undefined;
  readonly #covered = new Map<string, boolean>();

  constructor(masking: Masking, project: string, operation: Operation | undefined) {
    this.#masking = masking;
    this.#project = project;
    this.#operation = operation;
  }

  /** Returns a field's value, masked if it is personal. Of a field that is not text, also of a time, it returns null. */
  field<T>({ type, name, rest, kind, custom }: FieldDescription, value: T): T | null {
    if (value === null) return value;
    const isPersonal = this.#covers(type, name) || this.#covers(type, rest);
    // The content of custom fields is unknown, so mask addresses in them as in attributes.
    if (!isPersonal && custom !== true) return value;
    const original = String(value);
    const text = isPersonal || isAddress(original) ? this.#replace(original) : this.text(original);
    if (!isPersonal && text === original) return value;
    this.masked.add(`${type}.${name}`);
    return kind === 'text' && typeof value === 'string' ? (text as T | null) : null;
  }

  /** Returns a copy of the attributes with personal values masked, at all levels. */
  attributes(type: MaskedType, attributes: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
    return this.#object(type, attributes, `${type}.attributes`, MAX_LEVELS);
  }

  /** Returns a text with the addresses in it masked. `***` if the operation's budget does not suffice. */
  text(value: string): string {
    let result = '';
    let from = 0;
    for (const { 0: at, index } of value.matchAll(AT)) {
      const [start, end] = addressAround(value, index, index + at.length, from);
      if (this.#operation?.take(AT_COST + (end - start) / CHARACTERS_PER_VALUE) === false) return '***';
      if (start === index || end === index + at.length) continue;
      result += value.slice(from, start) + (this.#replace(value.slice(start, end)) ?? '***');
      from = end;
    }
    return from === 0 ? value : result + value.slice(from);
  }

  hasAddress(value: string): boolean {
    return isAddress(value) || this.text(value) !== value;
  }

  #object(type: MaskedType, value: object, path: string, levels: number): Record<string, unknown> {
    const result: Record<string, unknown> = Object.create(null);
    for (const [originalName, inner] of Object.entries(value)) {
      const name = this.text(originalName);
      if (name !== originalName) this.#note(type, path, name);
      result[name] = this.#value(type, name, inner, path, levels);
    }
    return result;
  }

  #value(type: MaskedType, name: string, value: unknown, path: string, levels: number): unknown {
    if (value === null || value === '') return value;
    const isObject = typeof value === 'object';
    const isPersonal = this.#covers(type, name) || (isObject && levels === 0);
    if (isObject && !isPersonal) {
      if (!Array.isArray(value)) return this.#object(type, value, `${path}.${name}`, levels - 1);
      return value.map((item) => this.#value(type, name, item, path, levels - 1));
    }
    let masked: unknown = value;
    if (isPersonal) masked = isObject ? null : this.#replace(String(value));
    // An address is personal, whatever the attribute's name.
    else if (typeof value === 'string') masked = isAddress(value) ? this.#replace(value) : this.text(value);
    if (masked !== value) this.#note(type, path, name);
    return masked;
  }

  #note(type: MaskedType, path: string, name: string): void {
    this.masked.add(this.masked.size < MAX_NAMED ? `${path}.${name}` : `${type}.attributes`);
  }

  #covers(type: MaskedType, name: string): boolean {
    const known = this.#covered.get(`${type}.${name}`);
    if (known !== undefined) return known;
    const covered = this.#masking.covers(type, name);
    if (this.#covered.size < MAX_REMEMBERED) this.#covered.set(`${type}.${name}`, covered);
    return covered;
  }

  #replace(value: string): string | null {
    return this.#masking.replace(value, this.#project, this.#operation);
  }
}

/**
 * Finds the start and end of an address around its `@`, after the previous address. A regular expression would be slower: it
 * would try an address at every character of the text.
 */
function addressAround(text: string, at: number, afterAt: number, from: number): [start: number, end: number] {
  let start = at;
  while (start > Math.max(from, at - MAX_LOCAL) && isInLocal(text, start - 1, from)) start -= 1;
  let end = afterAt;
  while (end < Math.min(text.length, afterAt + MAX_DOMAIN) && !isBound(text, end)) end += 1;
  return [start, end];
}

/** An apostrophe belongs to the part before the `@` within a name (`o'brien`), not at its start. */
function isInLocal(text: string, index: number, from: number): boolean {
  return !isBound(text, index) || (text[index] === "'" && index > from && !isBound(text, index - 1));
}

function isBound(text: string, index: number): boolean {
  return BOUNDS.test(text[index] as string);
}

/** Keeps only first letters: `a***@e***` for an address, `A***` for any other text. */
function partial(value: string): string {
  const first = (text: string): string => `${[...text][0] ?? ''}***`;
  const at = value.lastIndexOf('@');
  return at > 0 ? `${first(value.slice(0, at))}@${first(value.slice(at + 1))}` : first(value);
}
