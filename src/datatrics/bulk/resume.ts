import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { Principal } from '../../auth/principal.ts';
import { badInput } from '../../lib/error.ts';
import type { Resource } from '../endpoints.ts';
import { isObject } from '../records/fields.ts';
import type { PreparedItem } from './items.ts';

/**
 * A resume token has one bit per item, set if the item is done, and a MAC. The MAC covers these bits, the items, the target
 * and the caller. Its key is derived from the API key in use: every instance of the gateway can verify a token, and only a
 * client with that API key could forge one, for its own items. The MAC does not cover chunk sizes, which do not affect the
 * items that are done.
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

/**
 * Creates the token for a run that has ended.
 * @param items with their final outcomes
 */
export function writeResumeToken(scope: ResumeScope, items: readonly PreparedItem[]): string {
  const bits = Buffer.alloc(Math.ceil(items.length / 8));
  for (const {
    result: { index, outcome },
  } of items) {
    if (outcome === 'UPSERTED') bits[index >> 3] = (bits[index >> 3] as number) | (1 << (index & 7));
  }
  return Buffer.concat([mac(scope, items, bits), bits]).toString('base64url');
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
  const bytes = token.length === Math.ceil((length * 4) / 3) ? Buffer.from(token, 'base64url') : undefined;
  const bits = bytes?.subarray(MAC_BYTES) ?? Buffer.alloc(0);
  if (
    bytes?.length !== length ||
    bytes.toString('base64url') !== token ||
    !timingSafeEqual(bytes.subarray(0, MAC_BYTES), mac(scope, items, bits))
  ) {
    throw badInput(
      'resumeToken does not match this input, mutation, project and caller, or is not a token of this gateway. Send exactly the same items, in the same order, with the same credentials.',
    );
  }
  return new Set(items.keys().filter((index) => ((bits[index >> 3] as number) >> (index & 7)) & 1));
}

function mac({ resource, principal, upstream }: ResumeScope, items: readonly PreparedItem[], bits: Buffer): Buffer {
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
  return hmac.update(bits).digest().subarray(0, MAC_BYTES);
}

/** JSON with sorted object members, because clients may send the members of a map in any order. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_name, inner: unknown) =>
    isObject(inner) ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))) : inner,
  );
}
