import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { serve } from './closing.ts';

/** An issuer of JSON Web Tokens with a key set at a real address. */
export async function startIssuer() {
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
  const issuer = {
    settings: { JWT_ISSUER: url, JWT_AUDIENCE: 'gateway', JWT_JWKS_URL: `${url}/jwks` },
    /** The public key of the latest pair. */
    get publicKey(): JWK {
      return publicKey;
    },
    /** Whether the key set can be had; `no` is a 500. */
    answer: 'yes' as 'yes' | 'no' | 'html',
    /** Further public keys in the set. */
    others: [] as JWK[],
    /** Times that the key set was fetched. */
    fetches: () => fetches,
    /** A token of the latest pair: for all that is right unless it is told otherwise. */
    sign(
      claims: Record<string, unknown>,
      { header = {}, key = pair.privateKey }: { header?: object; key?: CryptoKey | Uint8Array } = {},
    ): Promise<string> {
      const now = Math.floor(Date.now() / 1000);
      const payload = { iss: url, aud: 'gateway', sub: 'ada', iat: now, exp: now + 600, ...claims };
      return new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid, ...header }).sign(key);
    },
    /** Puts a new pair in the place of the old one. */
    async rotate(): Promise<void> {
      pair = await generateKeyPair('ES256', { extractable: true });
      publicKey = await exportJWK(pair.publicKey);
      kid = `k${Number(kid.slice(1)) + 1}`;
    },
    close,
  };
  return issuer;
}
