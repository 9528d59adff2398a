import { expect, test } from 'vitest';
import { startWithUpstream } from '../helpers/gateway.ts';
import { smallApi } from '../helpers/small-api.ts';
import { createTokenFile, scopesWithout } from '../helpers/token-file.ts';

const tokens = createTokenFile();
const headers = tokens.add('masked', scopesWithout('pii:read'), ['1']);
const gateway = await startWithUpstream(smallApi, tokens.settings);

test('the masked fields are those that conditions and types of fragments leave over', async () => {
  const query = `query ($s: Boolean!) {
    a: profile(profileId: "1001", source: "A") { email ...P ... on Node { ...P } }
    b: profile(profileId: "1001", source: "A") @skip(if: $s) { email ... @skip(if: $s) { name } }
  }
  fragment P on Profile { mail: email id }`;
  const ask = async (s: boolean) => (await gateway.query(query, { s }, headers)).body.extensions.masked;
  for (let time = 1; time <= 3; time++) {
    expect(await ask(false)).toEqual(['a.email', 'a.mail', 'b.email', 'b.name']);
    expect(await ask(true)).toEqual(['a.email', 'a.mail']);
  }
});
