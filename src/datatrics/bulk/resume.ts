import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { Principal } from '../../auth/principal.ts';
import { badInput } from '../../lib/error.ts';
import type { Resource } from '../endpoints.ts';
import { isObject } from '../records/fields.ts';
import type { PreparedItem } from './items.ts';

/**
 * A resume token has a MAC and one bit per item, set if the item is done. The MAC covers these bits, the items, the target
 * and the caller. Its key is derived from the API key in use: every instance of the gateway can verify a token, and only a
 * client with that API key could forge one, for its own items.
 */
const KEY_INFO = 'datatrics-gateway resume token 2';
const MAC_BYTES = 16;

/** What a token is bound to, in addition to the items. */
export interface ResumeScope {
  readonly resource: Resource;
  readonly principal: Principal;
  /** Base URL of the API. */
  readonly upstream: string;
}

/** Creates the token for a run that has ended. */
export function writeResumeToken(scope: ResumeScope, items: readonly PreparedItem[]): string {
  const bits = Buffer.alloc(Math.ceil(items.length / 8));
  items.forEach(({ result }, index) => {
    if (result.outcome === 'UPSERTED') bits[index >> 3] = (bits[index >> 3] as number) | (1 << (index & 7));
  });
  return seal(scope, items, bits);
}

/**
 * Returns the indices of the items that are done.
 * @throws GatewayError `BAD_USER_INPUT` unless `writeResumeToken` made the token for these items in this scope
 */
export function readResumeToken(
  token: string,
  scope: ResumeScope,
  items: readonly PreparedItem[],
): ReadonlySet<number> {
  const length = MAC_BYTES + Math.ceil(items.length / 8);
  // Check the length first, so that a long text is neither decoded nor hashed.
  const hasLength = token.length === Math.ceil((length * 4) / 3);
  const bits = hasLength ? Buffer.from(token, 'base64url').subarray(MAC_BYTES) : Buffer.alloc(0);
  if (!hasLength || !isEqual(token, seal(scope, items, bits))) {
    throw badInput(
      'resumeToken does not match this input, mutation, project and caller, or is not a token of this gateway. Send exactly the same items, in the same order, with the same credentials.',
    );
  }
  return new Set(items.keys().filter((index) => ((bits[index >> 3] as number) >> (index & 7)) & 1));
}

function isEqual(a: string, b: string): boolean {
  const [bytes, other] = [Buffer.from(a), Buffer.from(b)];
  return bytes.length === other.length && timingSafeEqual(bytes, other);
}

function seal({ resource, principal, upstream }: ResumeScope, items: readonly PreparedItem[], bits: Buffer): string {
  const key = Buffer.from(hkdfSync('sha256', principal.apiKey, '', KEY_INFO, 32));
  const hmac = createHmac('sha256', key);
  const add = (part: unknown): void => {
    // Prefix each part with its length, so that different lists of parts never have the same encoding.
    const text = canonicalJson(part);
    hmac.update(`${text.length}:`).update(text);
  };
  add([upstream, principal.project, principal.id, resource, items.length]);
  // The key has parts that the body may lack, such as the content's type. For items that are not sent, use the input.
  for (const { input, pending } of items) add(pending === null ? input : [pending.name, JSON.parse(pending.json)]);
  const mac = hmac.update(bits).digest().subarray(0, MAC_BYTES);
  return Buffer.concat([mac, bits]).toString('base64url');
}

/** JSON with sorted object members, because clients may send the members of a map in any order. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_name, inner: unknown) =>
    isObject(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}
