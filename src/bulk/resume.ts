import { createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { badInput } from '../lib/error.ts';
import type { ItemResult } from './items.ts';
import type { BulkTarget } from './target.ts';

/**
 * A resume token holds a digest of the input and one bit per item, set where the item went in; it is signed with a key
 * derived from the upstream key in use, so that any instance can read it and nobody else can make one.
 */
const VERSION = 1;
const MAC_BYTES = 16;
const DIGEST_BYTES = 16;

/** @param identity one text per item that says what was asked, in order */
export function writeResumeToken(
  target: BulkTarget,
  identity: readonly string[],
  results: readonly ItemResult[],
): string {
  const bits = Buffer.alloc(Math.ceil(results.length / 8));
  for (const { index, outcome } of results) {
    if (outcome === 'UPSERTED') bits[index >> 3] = (bits[index >> 3] as number) | (1 << (index & 7));
  }
  const payload = Buffer.concat([Buffer.from([VERSION]), digest(target, identity), bits]);
  return Buffer.concat([mac(target, payload), payload]).toString('base64url');
}

/**
 * The items that are done.
 * @throws GatewayError `BAD_USER_INPUT` for a token of another input, project or key, or none of ours
 */
export function readResumeToken(token: string, target: BulkTarget, identity: readonly string[]): ReadonlySet<number> {
  const length = 1 + DIGEST_BYTES + Math.ceil(identity.length / 8);
  // No longer than a token of this input: what is longer is not decoded, let alone compared.
  const bytes = Buffer.from(token.slice(0, 2 * (MAC_BYTES + length)), 'base64url');
  const payload = bytes.subarray(MAC_BYTES);
  const isOurs =
    bytes.length > MAC_BYTES &&
    bytes.toString('base64url') === token &&
    timingSafeEqual(bytes.subarray(0, MAC_BYTES), mac(target, payload));
  if (!isOurs || payload[0] !== VERSION)
    throw badInput('resumeToken is not a token of this gateway for this project and key.');
  if (payload.length !== length || !timingSafeEqual(payload.subarray(1, 1 + DIGEST_BYTES), digest(target, identity))) {
    throw badInput('resumeToken belongs to another input: send the items exactly as before, in the same order.');
  }
  const bits = payload.subarray(1 + DIGEST_BYTES);
  return new Set(identity.keys().filter((index) => ((bits[index >> 3] as number) >> (index & 7)) & 1));
}

function digest({ resource, project }: BulkTarget, identity: readonly string[]): Buffer {
  const hash = createHash('sha256').update(JSON.stringify([resource, project, identity.length]));
  for (const text of identity) hash.update(`${text.length}:`).update(text);
  return hash.digest().subarray(0, DIGEST_BYTES);
}

function mac({ apiKey }: BulkTarget, payload: Buffer): Buffer {
  const key = Buffer.from(hkdfSync('sha256', apiKey, '', 'datatrics-gateway resume token', 32));
  return createHmac('sha256', key).update(payload).digest().subarray(0, MAC_BYTES);
}
