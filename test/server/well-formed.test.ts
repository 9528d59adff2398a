import { beforeEach, describe, expect, it } from 'vitest';
import { wellFormedJson } from '../../src/lib/well-formed.ts';
import { createFolder } from '../helpers/files.ts';
import { type GraphqlResult, postJson, startWithUpstream } from '../helpers/gateway.ts';

const LONE = '\ud83d';
/** The API's answer, as JSON. */
let answer = '{}';
const { write } = createFolder();
const DOCUMENTS = write('documents.json', { a: 'query Find($id: ID!) { node(id: $id) { id } }' });
const gateway = await startWithUpstream(
  (_call, res) => {
    res.writeHead(200, { 'content-type': 'application/json' }).end(answer);
  },
  { DATATRICS_FILTERS: 'on', MCP: 'on', TRUSTED_DOCUMENTS_FILE: DOCUMENTS },
);
beforeEach(() => {
  answer = '{}';
  gateway.upstream.calls.length = 0;
});

function isWellFormed(value: unknown): boolean {
  let wellFormed = true;
  JSON.stringify(value, (key, inner) => {
    if (!key.isWellFormed() || (typeof inner === 'string' && !inner.isWellFormed())) wellFormed = false;
    return inner;
  });
  return wellFormed;
}

/** Three times: the second run is compiled. */
async function ask(query: string, variables: object = {}): Promise<GraphqlResult['body']> {
  const first = (await gateway.query(query, variables)).body;
  expect(isWellFormed(first)).toBe(true);
  for (const _run of [2, 3]) expect((await gateway.query(query, variables)).body).toEqual(first);
  return first;
}

describe('half a surrogate pair', () => {
  it('is U+FFFD in an answer so large that its bytes are counted', async () => {
    answer = `{"profileid":"7","source":"s","name":"a\\ud83d","large":"${'x'.repeat(5_000_000)}"}`;
    const { data } = await ask('{ profile(profileId: "7", source: "s") { name attributes } }');
    expect(data.profile.name).toBe('a\ufffd');
  });

  it('of the API is U+FFFD in an answer: in texts, names of attributes, and at any depth', async () => {
    answer =
      '{"profileid":"7","source":"s","name":"a\\ud83d","email":"\\\\ud83d","country":"\\ud83d\\ude00 \\\\\\ud83d","a\\ude00":{"b":["\\ud83d\\ud83d",{"\\ude00":1}]}}';
    const { data } = await ask('{ profile(profileId: "7", source: "s") { name email country attributes } }');
    expect(data.profile).toEqual({
      name: 'a\ufffd',
      email: '\\ud83d',
      country: '\u{1f600} \\\ufffd',
      attributes: { 'a\ufffd': { b: ['\ufffd\ufffd', { '\ufffd': 1 }] } },
    });
    const { data: typed } = await ask('{ profile(profileId: "7", source: "s") { name } }');
    expect(typed.profile).toEqual({ name: 'a\ufffd' });
  });

  it('of a client is U+FFFD in a body to the API, of one record and of many', async () => {
    answer = '{"status":200,"items":[]}';
    const input = { profileId: '7', source: 's', name: `a${LONE}`, attributes: { [LONE]: [`${LONE}\\ud83d`] } };
    const body = '{"profileid":"7","source":"s","profile":{"name":"a\ufffd","\ufffd":["\ufffd\\\\ud83d"]}}';
    await ask('mutation ($i: ProfileInput!) { createProfile(input: $i) { userErrors { code } } }', { i: input });
    expect(gateway.upstream.calls[0]?.body).toBe(body);
    gateway.upstream.calls.length = 0;
    await ask('mutation ($i: ProfileInput!) { bulkUpsertProfiles(input: { items: [$i] }) { resumeToken } }', {
      i: input,
    });
    expect(gateway.upstream.calls[0]?.body).toBe(`{"profiles":[${body}]}`);
  });

  it.each([
    ['query ($t: ID!) { profile(profileId: $t, source: "s") { id } }'],
    ['query ($t: String) { profile(profileId: "7", source: $t) { id } }'],
    ['query ($t: String) { conversions(source: $t) { totalCount } }'],
    ['query ($t: String) { profiles(filter: { email: $t }) { totalCount } }'],
    ['query ($t: ID) { interactions(filter: { profileId: $t }) { totalCount } }'],
  ])('of a client does not go into a path: %s', async (query) => {
    const { errors } = await ask(query, { t: `a${LONE}` });
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    expect(gateway.upstream.calls).toEqual([]);
  });

  it('of a row that links elsewhere leads nowhere, and as a key is an error', async () => {
    answer =
      '{"total_items":2,"items":[{"conversionid":"1","source":"s","profileid":"\\ud83d"},{"conversionid":"\\ud83d","source":"s"}]}';
    const { data, errors } = await ask('{ conversions { nodes { profileId profile { id } } } }');
    expect(data.conversions.nodes).toEqual([{ profileId: '\ufffd', profile: null }, null]);
    expect(errors).toMatchObject([{ extensions: { code: 'UPSTREAM_INVALID_RESPONSE' } }]);
  });

  it('of a client is U+FFFD in its error message', async () => {
    for (const [query, variables] of [
      [`{ profile(profileId: "7", source: "s") { id(x: "${LONE}") } }`, {}],
      ['query ($t: DateTime) { profiles(filter: { createdAt: { gte: $t } }) { totalCount } }', { t: LONE }],
      [
        'mutation ($i: ProfileInput!) { createProfile(input: $i) { userErrors { message } } }',
        { i: { profileId: LONE, source: LONE, attributes: { [LONE]: 1 } } },
      ],
      [
        'mutation ($i: ProfileInput!) { createProfile(input: $i) { userErrors { message field } } }',
        { i: { profileId: '7', source: 's', [LONE]: 1 } },
      ],
    ] as const) {
      await ask(query, variables);
    }
  });

  it('is U+FFFD in a refusal of a tool as well', async () => {
    const response = await postJson(
      `${gateway.url}/mcp`,
      '{"jsonrpc":"2.0","id":"\\ud83d","method":"tools/call","params":{"name":"Find","arguments":{"\\ud83d":1}}}',
      { accept: 'application/json, text/event-stream' },
    );
    const text = await response.text();
    expect(text).toContain('\ufffd');
    expect(isWellFormed(JSON.parse(text))).toBe(true);
  });
});

it.each([
  ...['', '"', '\\', '\\\\', LONE, `\\${LONE}`, `\\\\${LONE}${LONE}`],
  ...['ud83d', '\\ud83d', '\\\\ud83d', '\u{1f600}', `\n${LONE}\u0000`],
])('JSON of %j is that of the same text, well-formed', (text) => {
  expect(JSON.parse(wellFormedJson(JSON.stringify([text])))).toEqual([text.toWellFormed()]);
});
