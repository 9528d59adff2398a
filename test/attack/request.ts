import type { Dice } from './dice.ts';

/** One request as bytes on the wire, and how its client behaves. */
export interface AttackRequest {
  readonly bytes: Buffer;
  /**
   * - `answer`: reads all of the answer (default)
   * - `nothing`: never reads, and keeps the connection open
   * - `disconnect`: goes away as soon as everything is sent
   */
  readonly client?: 'answer' | 'nothing' | 'disconnect';
}

/** Something that a client may send, with the words that name it in the report. */
export interface Attack {
  readonly what: string;
  /** Several where only many of them do harm. */
  readonly requests: readonly AttackRequest[];
  /** Of these, how many are sent at a time when the attack is measured alone. Default: 1 */
  readonly atOnce?: number;
}

/** Attacks of one kind. */
export interface Family {
  readonly name: string;
  readonly make: (dice: Dice) => Attack;
  /** MB that an attack may add alone, where it is several requests, or the API makes it large. Default: 100 */
  readonly maxAddedMb?: number;
}

export interface Head {
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The key that the sandbox accepts. */
const API_KEY = 'sandbox-key';

/** A POST of exactly this body. */
export function post(body: string | Buffer, { path = '/graphql', headers = {} }: Head = {}): AttackRequest {
  const content = typeof body === 'string' ? Buffer.from(body) : body;
  const given = { 'content-type': 'application/json', 'content-length': String(content.length), ...headers };
  return { bytes: Buffer.concat([headOf('POST', path, given), content]) };
}

/** A GET of GraphQL with these parameters. */
export function get(params: Readonly<Record<string, string>>, { path = '/graphql', headers = {} }: Head = {}) {
  return { bytes: headOf('GET', `${path}?${new URLSearchParams(params)}`, headers) };
}

function headOf(method: string, target: string, headers: Readonly<Record<string, string>>): Buffer {
  const all = { host: 'localhost', accept: 'application/json', 'x-apikey': API_KEY, connection: 'close', ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1');
}

/** One operation by POST. */
export function operation(query: string, variables?: object, head?: Head): AttackRequest {
  return post(JSON.stringify({ query, variables }), head);
}

/** An attack of a single request. */
export function one(what: string, request: AttackRequest): Attack {
  return { what, requests: [request] };
}

/** `make` for 0, 1, … `count - 1`, with spaces between. */
export function repeat(count: number, make: (i: number) => string, separator = ' '): string {
  return Array.from({ length: count }, (_, i) => make(i)).join(separator);
}
