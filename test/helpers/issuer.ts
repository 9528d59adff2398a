import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { serve } from './closing.ts';

export interface Issuer {
  readonly settings: Record<'JWT_ISSUER' | 'JWT_AUDIENCE' | 'JWT_JWKS_URL', string>;
  /** The public key of the latest pair. */
  readonly publicKey: JWK;
  /** Times that the key set was fetched. */
  fetches(): number;
  /** A token of the latest pair: for all that is right unless it is told otherwise. */
  sign(claims: Record<string, unknown>, change?: { header?: object; key?: CryptoKey | Uint8Array }): Promise<string>;
  /** Puts a new pair in the place of the old one. */
  rotate(): Promise<void>;
  /** Further public keys in the set. */
  readonly others: JWK[];
  /** Whether the key set can be had: `yes`, `no` (500), or `html`. */
  answer: 'yes' | 'no' | 'html';
  close(): Promise<void>;
}

/** An issuer of JSON Web Tokens with a key set at a real address. */
export async function startIssuer(): Promise<Issuer> {
  let pair = await generateKeyPair('ES256', { extractable: true });
  let kid = 'k1';
  let publicKey = await exportJWK(pair.publicKey);
  let fetches = 0;
  const { url, close } = await serve((_req, res) => {
    fetches += 1;
    if (issuer.answer === 'no') return void res.writeHead(500).end();
    if (issuer.answer === 'html') return void res.writeHead(200).end('<html>');
    res.setHeader('content-type', 'application/json');
    res.end(JSON.stringify({ keys: [{ ...publicKey, kid, alg: 'ES256', use: 'sig' }, ...issuer.others] }));
  });
  const issuer: Issuer = {
    settings: { JWT_ISSUER: url, JWT_AUDIENCE: 'gateway', JWT_JWKS_URL: `${url}/jwks` },
    get publicKey() {
      return publicKey;
    },
    answer: 'yes',
    others: [],
    fetches: () => fetches,
    sign: (claims, { header = {}, key = pair.privateKey } = {}) => {
      const now = Math.floor(Date.now() / 1000);
      const payload = { iss: url, aud: 'gateway', sub: 'ada', iat: now, exp: now + 600, ...claims };
      return new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid, ...header }).sign(key);
    },
    async rotate() {
      pair = await generateKeyPair('ES256', { extractable: true });
      publicKey = await exportJWK(pair.publicKey);
      kid = `k${Number(kid.slice(1)) + 1}`;
    },
    close,
  };
  return issuer;
}
