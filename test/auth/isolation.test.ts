import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { SCOPES } from '../../src/auth/scopes.ts';
import { startWithUpstream } from '../helpers/gateway.ts';
import { startIssuer } from '../helpers/issuer.ts';
import { createTokenFile, scopesWithout } from '../helpers/token-file.ts';

test.each(['on', 'off'])('concurrent callers share no answer (COLLAPSE_OPERATIONS=%s)', async (collapse) => {
  const tokens = createTokenFile();
  const issuer = await startIssuer();
  const noPii = scopesWithout('pii:read');
  const a = tokens.add('a', SCOPES);
  const b = tokens.add('b', noPii);
  const c = tokens.add('c', ['contents:read']);
  const gateway = await startWithUpstream(
    async ({ path }) => {
      await sleep(Math.random() * 20);
      if (path.includes('filter-probe')) return { items: [], total_items: 0 };
      const row = { profileid: '1', source: 'S', email: 'ada@mail.example' };
      return path.includes('/profile/') ? row : { items: [row], total_items: 1, total_pages: 1 };
    },
    { ...tokens.settings, ...issuer.settings, COLLAPSE_OPERATIONS: collapse, UPSTREAM_CONNECTIONS: '2' },
  );
  const jwt = async (sub: string, scope: string) => ({
    authorization: `Bearer ${await issuer.sign({ sub, scope, projects: ['1'] })}`,
  });
  const d = await jwt('a', noPii.join(' '));
  const e = await jwt('b', SCOPES.join(' '));
  // One subject with tokens of different rights.
  const f = await jwt('b', noPii.join(' '));
  const who = [a, b, c, d, e, f];
  const queries = [
    '{ profile(profileId: "1", source: "S") { email } }',
    '{ profiles { nodes { email attributes } } }',
    '{ nodes(ids: ["UHJvZmlsZToxOlM6MQ"]) { ... on Profile { email } } }',
  ];
  const answers = await Promise.all(
    Array.from({ length: 180 }, (_, i) => {
      const n = (i * 7) % 6;
      const query = queries[Math.floor(i / 6) % 3] as string;
      return gateway.query(query, {}, who[n]).then(({ status, body }) => ({ n, query, status, body }));
    }),
  );
  for (const { n, query, status, body } of answers) {
    const text = JSON.stringify(body);
    if (n === 2) expect([status, body.data], query).toEqual([403, undefined]);
    else if (n === 0 || n === 4) expect(text, query).toContain('ada@mail.example');
    else {
      expect(text).not.toContain('ada@');
      expect(text).toContain('hash:');
      expect(body.extensions.masked).toHaveLength(1);
    }
  }
});
