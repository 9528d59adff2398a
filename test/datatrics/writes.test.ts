import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { type ReceivedCall, startWithSandbox, startWithUpstream } from '../helpers/gateway.ts';

let answer: (call: ReceivedCall, res: ServerResponse) => unknown = () => ({});
const gateway = await startWithUpstream((call, res) => answer(call, res), {
  DATATRICS_TIMEZONE: 'Europe/Amsterdam',
  UPSTREAM_TIMEOUT_MS: '1500',
});
beforeEach(() => {
  gateway.upstream.calls.length = 0;
});

const CREATE = `mutation ($input: ProfileInput!) { createProfile(input: $input) {
  profile { profileId name email createdAt attributes } userErrors { code message field } } }`;
const create = async (input: object) => {
  const { body } = await gateway.query(CREATE, { input: { profileId: '1', source: 's', ...input } });
  return { payload: body.data?.createProfile, errors: body.errors };
};
const echo = ({ body }: ReceivedCall): object => {
  const { profile, ...key } = JSON.parse(body);
  return { ...key, ...profile };
};

test('what is sent omits fields that are left out, has null for null, times in the API’s zone, and attributes as they are', async () => {
  answer = echo;
  await create({});
  expect(JSON.parse(gateway.upstream.calls.pop()?.body ?? '')).toEqual({ profileid: '1', source: 's', profile: {} });
  const attributes = { loyalty_tier: 'gold', 'my field': ['x', { y: null }], '1st': 1.5, é: true };
  const times = { createdAt: '2024-07-01T10:00:00.999Z', updatedAt: '2024-01-01T00:30:00+02:00' };
  const { payload } = await create({ name: null, email: 'a@b.example', ...times, attributes });
  const profile = { name: null, email: 'a@b.example', created: '2024-07-01 12:00:00', updated: '2023-12-31 23:30:00' };
  expect(JSON.parse(gateway.upstream.calls.pop()?.body ?? '')).toEqual({
    profileid: '1',
    source: 's',
    profile: { ...profile, ...attributes },
  });
  expect(payload.profile.attributes).toEqual(attributes);
});

describe('what is not sent', () => {
  test.each([
    ['an empty id', { profileId: '' }, ['profileId']],
    ['a dot for an id', { profileId: '.' }, ['profileId']],
    ['two dots for an id', { profileId: '..' }, ['profileId']],
    ['an empty source', { source: '' }, ['source']],
    ...'name firstname firstName profileid profileId profile_id source created created_at createdAt'
      .split(' ')
      .map((name): [string, object, string[]] => [
        `the attribute ${name}`,
        { attributes: { [name]: 'x' } },
        ['attributes', name],
      ]),
  ])('is %s', async (_name, input, field) => {
    const { payload } = await create(input);
    expect(payload).toEqual({ profile: null, userErrors: [{ code: 'INVALID', message: expect.any(String), field }] });
    expect(gateway.upstream.calls).toEqual([]);
  });

  test('is an attribute of a line that has a field of its own', async () => {
    const { body } = await gateway.query(
      'mutation { createConversion(input: { conversionId: "1", source: "s", items: [{ itemId: "1" }, { attributes: { price: 1 } }] }) { userErrors { code field } } }',
    );
    expect(body.data.createConversion.userErrors).toEqual([
      { code: 'INVALID', field: ['items', '1', 'attributes', 'price'] },
    ]);
    expect(gateway.upstream.calls).toEqual([]);
  });
});

const CANARY = '{"message": "canary"}';

describe('an answer', () => {
  const respond = (status: number, body: string) => (_call: ReceivedCall, res: ServerResponse) =>
    void res.writeHead(status).end(body);

  test.each([400, 404, 409, 413, 422, 424])(
    'of %i is a user error in the API’s words, in all shapes',
    async (status) => {
      const message = 'Words of the API';
      const shapes: [number, object][] = [
        [status, { status, message }],
        [status, { error: { message } }],
        [200, { status, message }],
      ];
      for (const [outer, body] of shapes) {
        answer = respond(outer, JSON.stringify(body));
        const code = status === 404 ? 'NOT_FOUND' : 'REJECTED';
        const payload = { profile: null, userErrors: [{ code, message, field: null }] };
        expect(await create({})).toEqual({ payload, errors: undefined });
      }
    },
  );

  const reset = (_call: ReceivedCall, res: ServerResponse): void => void res.socket?.resetAndDestroy();
  const silence = () => new Promise(() => undefined);
  test.each<[string, string, typeof answer]>([
    ...[401, 403].map((status): [string, string, typeof answer] => [`${status}`, 'FORBIDDEN', respond(status, CANARY)]),
    ['418', 'UPSTREAM_REJECTED', respond(418, CANARY)],
    ...[429, 500, 503].map((status): [string, string, typeof answer] => [
      `${status}`,
      'UPSTREAM_UNAVAILABLE',
      respond(status, CANARY),
    ]),
    ['302', 'UPSTREAM_INVALID_RESPONSE', respond(302, CANARY)],
    ['a reset', 'UPSTREAM_UNAVAILABLE', reset],
    ['none in time', 'UPSTREAM_TIMEOUT', silence],
    ['HTML', 'UPSTREAM_INVALID_RESPONSE', respond(200, '<html>')],
    ['a list', 'UPSTREAM_INVALID_RESPONSE', respond(200, '[]')],
  ])('that is %s is an error, %s, and the write is sent once', async (_name, code, misbehave) => {
    answer = misbehave;
    const { payload, errors } = await create({});
    expect(payload).toBeNull();
    expect(errors).toMatchObject([{ path: ['createProfile'], extensions: { code } }]);
    expect(JSON.stringify(errors)).not.toContain('canary');
    expect(gateway.upstream.calls).toHaveLength(1);
  });

  test.each([
    ['204', respond(204, '')],
    ['200 without a body', respond(200, '')],
    ['a message of success', respond(200, '{"status": 200, "message": "done"}')],
  ])('that is %s means done, with no record', async (_name, well) => {
    answer = well;
    expect(await create({})).toEqual({ payload: { profile: null, userErrors: [] }, errors: undefined });
  });

  test('to one mutation does not hide what another wrote', async () => {
    answer = (call, res) => (call.body.includes('"bad"') ? void res.writeHead(500).end() : echo(call));
    const { body } = await gateway.query(
      'mutation { a: createProfile(input: { profileId: "good", source: "s" }) { profile { profileId } } b: createProfile(input: { profileId: "bad", source: "s" }) { profile { profileId } } }',
    );
    expect(body.data).toEqual({ a: { profile: { profileId: 'good' } }, b: null });
  });
});

describe('the next read sees a write', () => {
  const READ = '{ profile(profileId: "1", source: "s") { name } }';

  test('in another request, though a read of the same record was under way', async () => {
    let name = 'before';
    answer = async ({ method }) => {
      const seen = name;
      if (method !== 'GET') {
        name = 'after';
        return { profileid: '1', source: 's', name };
      }
      await sleep(seen === 'before' ? 120 : 0);
      return { profileid: '1', source: 's', name: seen };
    };
    const early = gateway.query(READ);
    await expect.poll(() => gateway.upstream.calls.length).toBe(1);
    await gateway.query(
      'mutation { updateProfile(input: { profileId: "1", source: "s", name: "after" }) { profile { name } } }',
    );
    expect((await gateway.query(READ)).body.data.profile.name).toBe('after');
    expect((await early).body.data.profile.name).toBe('before');
  });

  test('in the same request, of a record that a link has read before', async () => {
    let name = 'before';
    answer = ({ method, path }) => {
      if (!path.includes('/profile')) return { conversionid: '1', source: 's', profileid: '7' };
      if (method !== 'GET') name = 'after';
      return { profileid: '7', source: 's', name };
    };
    const link =
      'createConversion(input: { conversionId: "1", source: "s", profileId: "7" }) { conversion { profile(source: "s") { name } } }';
    const { body } = await gateway.query(
      `mutation { early: ${link} updateProfile(input: { profileId: "7", source: "s", name: "after" }) { profile { name } } late: ${link} }`,
    );
    expect(body.data.early.conversion.profile).toEqual({ name: 'before' });
    expect(body.data.late.conversion.profile).toEqual({ name: 'after' });
  });

  test('in lists too, and after a delete', async () => {
    const sandbox = await startWithSandbox();
    const list =
      '{ contents(first: 1, orderBy: { field: CREATED_AT, direction: DESC }) { nodes { name } totalCount } content(contentId: "2001", source: "Webshop-EN") { name } }';
    const before = (await sandbox.query(list)).body.data;
    await sandbox.query(
      'mutation { updateContent(input: { contentId: "2001", source: "Webshop-EN", name: "Renamed" }) { content { name } } }',
    );
    expect((await sandbox.query(list)).body.data.content.name).toBe('Renamed');
    await sandbox.query('mutation { deleteContent(input: { contentId: "2001", source: "Webshop-EN" }) { deletedId } }');
    const after = (await sandbox.query(list)).body.data;
    expect(after.content).toBeNull();
    expect(after.contents.totalCount).toBe(before.contents.totalCount - 1);
  });

  test('with whole queries collapsed as well', async () => {
    const collapsing = await startWithSandbox({ COLLAPSE_OPERATIONS: 'on' });
    const read = '{ profile(profileId: "1001", source: "Webshop") { name } }';
    collapsing.sandbox.faults.set({ match: { method: 'GET' }, latencyMs: 50 });
    const [a, b] = await Promise.all([collapsing.query(read), collapsing.query(read)]);
    expect(a?.body).toEqual(b?.body);
    expect(collapsing.sandbox.requests.filter(({ method }) => method === 'GET')).toHaveLength(1);
    const early = collapsing.query(read);
    await sleep(10);
    await collapsing.query(
      'mutation { updateProfile(input: { profileId: "1001", source: "Webshop", name: "Changed" }) { profile { name } } }',
    );
    expect((await collapsing.query(read)).body.data.profile.name).toBe('Changed');
    await early;
  });
});
