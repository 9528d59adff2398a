import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { loadPlugins } from '../../src/config/plugins.ts';
import { serve } from '../helpers/closing.ts';
import { startWithSandbox } from '../helpers/gateway.ts';

test('examples/plugins/usage-reporting.js reports which client uses which field', async () => {
  const reports: string[] = [];
  const receiver = await serve(async (req, res) => {
    const body = await buffer(req);
    reports.push((req.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString());
    const answer = '{"id":"1","operations":{"accepted":1,"rejected":0}}';
    res.writeHead(200, { 'content-type': 'application/json' }).end(answer);
  });
  process.env.HIVE_TOKEN = 'a'.repeat(32);
  process.env.HIVE_USAGE_ENDPOINT = `${receiver.url}/usage`;
  const plugins = await loadPlugins(['./examples/plugins/usage-reporting.js']);
  const gateway = await startWithSandbox({}, {}, { plugins });
  const query = 'query Name { profile(profileId: "1001", source: "Webshop") { name } }';
  const { body } = await gateway.query(query, {}, { 'apollographql-client-name': 'shop' });
  expect(body.data).toEqual({ profile: { name: 'Ada Example' } });
  process.emit('SIGTERM', 'SIGTERM');
  await expect.poll(() => reports.join('\n'), { timeout: 15_000 }).toContain('Query.profile');
  for (const part of ['Profile.name', '"shop"']) expect(reports[0]).toContain(part);
  // The id of the query must not leave the gateway. Its digits alone may be part of a time or a hash.
  expect(reports[0]).not.toMatch(/(?<![0-9a-f])1001(?![0-9a-f])/);
  expect(reports[0]).not.toContain('Webshop');
});
