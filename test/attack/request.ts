import { createDice, type Dice } from './dice.ts';

/** One request as bytes on the wire, and how its client behaves. */
export interface AttackRequest {
  readonly bytes: Buffer;
  /** `nothing`: never reads, and keeps the connection open. `disconnect`: leaves once all is sent. Default: reads the answer */
  readonly client?: 'nothing' | 'disconnect';
}

export interface Attack {
  readonly what: string;
  readonly requests: readonly AttackRequest[];
  /** Requests under way at a time. */
  readonly atOnce: number;
}

interface Options {
  /** MB that an attack may add alone, where it is several requests, or the API makes it large. Default: 100 */
  readonly maxAddedMb?: number;
  /** Whether the requests of an attack are sent at the same time. Default: one after the other */
  readonly atOnce?: boolean;
}

/** Attacks of one kind. */
export interface Family extends Options {
  readonly name: string;
  /** The same seed and round give the same attack. Each round takes the next variant. */
  make(seed: number, round: number): Attack;
}

/** A query, a request, or several where only many of them do harm. */
type Made = string | AttackRequest | readonly AttackRequest[];

/** @param variants by what they send */
export function family(
  name: string,
  variants: Readonly<Record<string, (dice: Dice) => Made>>,
  options: Options = {},
): Family {
  return {
    ...options,
    name,
    make(seed, round) {
      const dice = createDice(seed, name, round);
      const [what, make] = dice.variant(Object.entries(variants));
      const made = make(dice);
      const requests = typeof made === 'string' ? [operation(made)] : 'bytes' in made ? [made] : made;
      return { what, requests, atOnce: options.atOnce ? requests.length : 1 };
    },
  };
}

/** The same with each of several inputs, by their names. */
export function each<T>(inputs: Readonly<Record<string, T>>, make: (dice: Dice, input: T) => Made) {
  return Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, (dice: Dice) => make(dice, input)]));
}

interface Head {
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A POST of exactly this body; of an object as JSON. */
export function post(body: string | object, { path = '/graphql', headers = {} }: Head = {}): AttackRequest {
  const content = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  const given = { 'content-type': 'application/json', 'content-length': String(content.length), ...headers };
  return { bytes: Buffer.concat([headOf('POST', path, given), content]) };
}

/** One operation by POST. */
export function operation(query: string, variables?: object, head?: Head): AttackRequest {
  return post({ query, variables }, head);
}

/** A GET of GraphQL with these parameters. */
export function get(params: Readonly<Record<string, string>>): AttackRequest {
  return { bytes: headOf('GET', `/graphql?${new URLSearchParams(params)}`, {}) };
}

function headOf(method: string, target: string, headers: Readonly<Record<string, string>>): Buffer {
  // The key is the one that the sandbox accepts.
  const all = {
    host: 'localhost',
    accept: 'application/json',
    'x-apikey': 'sandbox-key',
    connection: 'close',
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1');
}

/** `make` for 0, 1, … `count - 1`, with spaces between. */
export function repeat(count: number, make: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => make(i)).join(' ');
}

/** An object with as many fields. */
export function fields(count: number, make: (i: number) => unknown, prefix = 'f'): object {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`${prefix}${i}`, make(i)]));
}

/** As many objects within each other. */
export function nested(levels: number): object {
  let value: object = {};
  for (let i = 0; i < levels; i++) value = { a: value };
  return value;
}
