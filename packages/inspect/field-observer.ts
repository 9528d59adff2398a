import { isAddress, type MaskedType } from '../../src/datatrics/masking.ts';
import type { CustomField, CustomType, DeclaredFields } from '../../src/datatrics/records/custom-fields.ts';
import { fromProblem, nameProblem } from '../../src/datatrics/records/declare.ts';
import { type JsonObject, readNumber } from '../../src/datatrics/records/fields.ts';
import { readTime } from '../../src/datatrics/time.ts';

/** The apparent type of a value. The value itself is not stored. */
type Look =
  | 'boolean'
  | 'whole'
  | 'number'
  | 'whole text'
  | 'decimal text'
  | 'yes/no text'
  | 'date'
  | 'time'
  | 'address'
  | 'text'
  | 'list'
  | 'object';

/** Statistics about one field. */
interface Observed {
  /** Number of records that have a value. */
  count: number;
  /** Number of values by apparent type. */
  readonly looks: Map<Look, number>;
  /** Whether all its whole numbers are 0 or 1. */
  isBit: boolean;
  /** Whether all its whole numbers fit into 32 bits. */
  isInt: boolean;
}

/** An undocumented field of a project's records, and how to declare it. */
export interface Proposal {
  /** REST name. */
  readonly from: string;
  /** Number of records that have a value. */
  readonly count: number;
  /** Number of values by apparent type. */
  readonly looks: ReadonlyMap<string, number>;
  /** The declaration; null if the field cannot be declared, for the given reason. */
  readonly field: (CustomField & { readonly name: string }) | null;
  readonly reason?: string;
}

/** Observes the attributes of one type's records, and proposes custom fields for them. */
export class FieldObserver {
  readonly type: MaskedType;
  /** Number of records added. */
  records = 0;
  readonly #seen = new Map<string, Observed>();

  constructor(type: MaskedType) {
    this.type = type;
  }

  add(attributes: JsonObject): void {
    this.records += 1;
    for (const [name, value] of Object.entries(attributes)) {
      const look = lookOf(value);
      if (look === null) continue;
      let observed = this.#seen.get(name);
      if (observed === undefined) {
        observed = { count: 0, looks: new Map(), isBit: true, isInt: true };
        this.#seen.set(name, observed);
      }
      observed.count += 1;
      observed.looks.set(look, (observed.looks.get(look) ?? 0) + 1);
      if (!look.startsWith('whole')) continue;
      const number = Number(value);
      if (number !== 0 && number !== 1) observed.isBit = false;
      if ((number | 0) !== number) observed.isInt = false;
    }
  }

  /**
   * Returns the proposals, most frequent fields first.
   * @param declared existing custom fields, whose names are taken
   */
  propose(declared: DeclaredFields = {}): Proposal[] {
    const taken = new Set(Object.keys(declared));
    const restNames = new Set([...this.#seen.keys(), ...Object.values(declared).map(({ from }) => from)]);
    return [...this.#seen]
      .sort(([, a], [, b]) => b.count - a.count)
      .map(([from, observed]) => {
        const { count, looks } = observed;
        const reason = fromProblem(this.type, from) ?? (looks.has('list') || looks.has('object') ? 'one value' : null);
        if (reason !== null) return { from, count, looks, field: null, reason: `a field needs ${reason}` };
        const name = this.#nameOf(from, taken, restNames);
        taken.add(name);
        const field = {
          name,
          type: typeOf(from, observed),
          from,
          ...(this.#isPersonal(from, looks) && { personal: true }),
        };
        return { from, count, looks, field };
      });
  }

  #isPersonal(from: string, looks: ReadonlyMap<Look, number>): boolean {
    return looks.has('address') || (!IMPERSONAL_TYPES.has(this.type) && PERSONAL.test(from));
  }

  /** Converts `loyalty_tier` to `loyaltyTier`, and makes the name unique. */
  #nameOf(from: string, taken: ReadonlySet<string>, restNames: ReadonlySet<string>): string {
    const plain = from.replaceAll('ß', 'ss').normalize('NFKD').replaceAll(/\p{M}/gu, '');
    const [first = '', ...words] = plain.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
    const head = /^[A-Z0-9]+$/.test(first) ? first.toLowerCase() : first.charAt(0).toLowerCase() + first.slice(1);
    const joined = head + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
    const base = joined === '' ? 'field' : /^\d/.test(joined) ? `_${joined}` : joined.slice(0, 80);
    const isFree = (name: string): boolean =>
      nameProblem(this.type, name) === null && !taken.has(name) && (name === from || !restNames.has(name));
    if (isFree(base)) return base;
    for (let number = 1; ; number += 1) {
      const name = `${base}Value${number === 1 ? '' : number}`;
      if (isFree(name)) return name;
    }
  }
}

/** Types without personal data, whatever the name of a field. */
const IMPERSONAL_TYPES: ReadonlySet<MaskedType> = new Set(['Content', 'ConversionItem']);
const PERSONAL = /phone|mobile|\bfax|address|street|post_?code|zip|birth|gender|iban|^ip$|ip_address/i;

/** The apparent type of a value; null for an empty value. */
function lookOf(value: unknown): Look | null {
  switch (typeof value) {
    case 'boolean':
      return 'boolean';
    case 'number':
      return Number.isInteger(value) ? 'whole' : 'number';
    case 'object':
      if (Array.isArray(value)) return value.length === 0 ? null : 'list';
      return value === null ? null : 'object';
    case 'string':
      return lookOfText(value.trim());
    default:
      return null;
  }
}

function lookOfText(text: string): Look | null {
  if (text === '' || /^0000-00-00/.test(text)) return null;
  if (text === 'true' || text === 'false') return 'yes/no text';
  if (/^-?(0|[1-9]\d*)$/.test(text)) return 'whole text';
  // Not numbers with leading zeros: those are codes.
  if (/^-?(0|[1-9][\d.,]*)[.,]\d+$/.test(text) && readNumber(text) !== null) return 'decimal text';
  if (readTime(text, 'UTC') !== null) return text.length > 10 ? 'time' : 'date';
  return isAddress(text) ? 'address' : 'text';
}

function typeOf(from: string, { looks, isBit, isInt }: Observed): CustomType {
  const only = (...allowed: Look[]): boolean => [...looks.keys()].every((look) => allowed.includes(look));
  if (
    isBit &&
    (looks.has('boolean') || looks.has('yes/no text')) &&
    only('boolean', 'yes/no text', 'whole', 'whole text')
  ) {
    return 'Boolean';
  }
  if (only('whole', 'whole text') && /(^|[^a-z])id$|[a-z]Id$|ID$/i.test(from)) return 'ID';
  // Whole numbers in text alone are no evidence of numbers: they may be article or phone numbers.
  if (looks.has('whole') && only('whole', 'whole text')) return isInt ? 'Int' : 'Float';
  if (only('whole', 'number', 'whole text', 'decimal text') && !only('whole text')) return 'Float';
  // A date without a time must stay a string: as an instant, it would be another day in another time zone.
  return only('time') ? 'DateTime' : 'String';
}
