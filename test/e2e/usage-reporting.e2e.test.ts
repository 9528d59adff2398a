import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { loadPlugins } from '../../src/config/plugins.ts';
import { startWithSandbox } from '../helpers/gateway.ts';

test('examples/plugins/usage-reporting.js reports which client uses which field', async () => {
  const reports: string[] = [];
  const receiver = createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    reports.push((req.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString());
    res
      .writeHead(200, { 'content-type': 'application/json' })
      .end('{"id":"1","operations":{"accepted":1,"rejected":0}}');
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  onTestFinished(() => void receiver.close());
  process.env.HIVE_TOKEN = 'a'.repeat(32);
  process.env.HIVE_USAGE_ENDPOINT = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/usage`;
  const plugins = await loadPlugins(['./examples/plugins/usage-reporting.js']);
  const gateway = await startWithSandbox({}, {}, { plugins });
  onTestFinished(() => gateway.close());
  const { body } = await gateway.query(
    'query Name { profile(profileId: "1001", source: "Webshop") { name } }',
    {},
    { 'apollographql-client-name': 'shop' },
  );
  expect(body.data).toEqual({ profile: { name: 'Ada Example' } });
  process.emit('SIGTERM', 'SIGTERM');
  await expect.poll(() => reports.join('\n'), { timeout: 15_000 }).toContain('Query.profile');
  const [report] = reports;
  expect(report).toContain('Profile.name');
  expect(report).toContain('"shop"');
  // The id of the query must not leave the gateway. Its digits alone may be part of a time or a hash.
  expect(report).not.toMatch(/(?<![0-9a-f])1001(?![0-9a-f])/);
  expect(report).not.toContain('Webshop');
});
