import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { parse } from 'csv-parse/sync';
import iconv from 'iconv-lite';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { Commands } from '../../../test/helpers/command.ts';
import { startUpstream, startWithSandbox } from '../../../test/helpers/gateway.ts';
import { envOf, runImport, runImportBy, startImport, tempFolder } from '../../../test/helpers/import.ts';

const gateway = await startWithSandbox({}, { empty: true });
const { sandbox } = gateway;
afterAll(() => gateway.close());
beforeEach(() => {
  sandbox.reset();
  sandbox.faults.clear();
  sandbox.requests.length = 0;
});

const commands = new Commands();
const run: typeof runImport = (args, env, stdin) => runImportBy(commands, args, env, stdin);

const rejectsIn = (text: string): Record<string, string>[] => parse(text, { bom: true, columns: true });
const get = (kind: Parameters<typeof sandbox.store.get>[0], source: string, id: string) =>
  sandbox.store.get(kind, source, id) as Record<string, unknown> | undefined;

/** The ways that rows can take, which must come to the same. */
const WAYS = [
  ['straight to the API', () => ({ args: [] as string[], env: envOf(sandbox) })],
  ['by a gateway', () => ({ args: ['--gateway', gateway.url], env: {} })],
] as const;

describe.each(WAYS)('%s', (_, way) => {
  const by =
    (how: typeof runImport) =>
    (args: string[], stdin: string | Buffer = '') => {
      const { args: more, env } = way();
      return how([...args, ...more], env, stdin);
    };
  const runHere = by(run);
  const runAlone = by(runImport);

  test('a CSV file goes in, its columns mapped, its unknown ones as attributes', async () => {
    const { path } = tempFolder();
    const csv =
      'ProfileID;E-mail;firstname;Tier;Created;Notes\n1;ada@x.example;"Ada; ""A""";gold;2024-05-01 12:00:00;-\n2;;Bo;;;\n';
    writeFileSync(path('people.csv'), csv);
    const { code, summary, stderr } = await runHere([
      'profiles',
      path('people.csv'),
      ...['--source', 'crm', '--map', 'email=E-mail', '--ignore', 'Notes'],
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(summary).toMatchObject({ rows: 2, upserted: 2, rejected: 0, rejects: null, separator: ';', requests: 1 });
    expect(summary.columns).toMatchObject({ 'E-mail': 'email', Tier: 'attributes.Tier', Notes: 'nothing' });
    expect(get('profile', 'crm', '1')).toMatchObject({
      email: 'ada@x.example',
      firstname: 'Ada; "A"',
      Tier: 'gold',
      created: '2024-05-01 12:00:00',
    });
    expect(get('profile', 'crm', '1')).not.toHaveProperty('Notes');
    expect(get('profile', 'crm', '2')).not.toHaveProperty('email');
  });

  test('content and sales of several sources and types go in from gzipped NDJSON on standard input', async () => {
    const contents = [
      { itemid: 'a', source: 'shop', type: 'item', name: 'A', price: 3 },
      { contentId: 'b', source: 'shop', type: 'CATEGORY', name: 'B' },
      { contentId: 'c', source: 'cms', name: 'C', updated: '2024-05-01T12:00:00Z' },
    ];
    const lines = (records: object[]): string => records.map((record) => JSON.stringify(record)).join('\n');
    const first = await runAlone(['contents', '-'], gzipSync(lines(contents)));
    expect(first).toMatchObject({ code: 0, summary: { upserted: 3, format: 'ndjson' } });
    expect(get('item', 'shop', 'a')).toMatchObject({ name: 'A', price: 3 });
    expect(get('category', 'shop', 'b')).toMatchObject({ name: 'B' });
    expect(get('item', 'cms', 'c')).toMatchObject({ metadata: { updated: '2024-05-01 12:00:00' } });

    const csv = `conversionId,source,total,items\n1,shop,"9,95","[{""itemid"":""a"",""quantity"":""2""}]"\n2,pos,5,\n`;
    const second = await runHere(['conversions', '-'], csv);
    expect(second).toMatchObject({ code: 0, summary: { upserted: 2 } });
    expect(get('conversion', 'shop', '1')).toMatchObject({ total: 9.95, items: [{ itemid: 'a', quantity: 2 }] });
    expect(get('conversion', 'pos', '2')).toMatchObject({ total: 5 });

    const third = await runHere(
      ['interactions', '-', '--source', 'mail'],
      '{"interactionid":7,"event":"open","datetime":"2024-05-01"}',
    );
    expect(third).toMatchObject({ code: 0, summary: { upserted: 1 } });
    expect(get('interaction', 'mail', '7')).toMatchObject({
      metadata: { event: 'open', datetime: '2024-05-01 00:00:00' },
    });
  });

  test('malformed and refused rows are told by number, the rest go in, and mended rejects too', async () => {
    sandbox.faults.set({ poisonIds: ['poison'] });
    const { path, read } = tempFolder();
    const parts: (string | Buffer)[] = [
      'profileId,source,email\n',
      'a,crm,a@x\n',
      'b,crm\n',
      'c,crm,"c\n',
      'd,crm,d"d\n',
    ];
    parts.push(Buffer.from([...Buffer.from('e,crm,'), 0xff, 0x0a]), 'f,crm,\0\n', `g,crm,${'x'.repeat(10_000_000)}\n`);
    parts.push('poison,crm,h@x\n', 'i,,i@x\n', 'j,crm,old@x\n', 'j,crm,new@x\n', 'k,crm,"k\nk"\n', 'z,crm,z@x');
    writeFileSync(path('people.csv'), Buffer.concat(parts.map((part) => Buffer.from(part as string))));
    const { code, summary } = await runHere(['profiles', path('people.csv')]);
    expect(code).toBe(1);
    expect(summary).toMatchObject({ rows: 13, upserted: 4, rejected: 9, complete: true });
    expect(
      sandbox.store
        .list('profile')
        .map((record) => record.profileid)
        .sort(),
    ).toEqual(['a', 'j', 'k', 'z']);
    expect(get('profile', 'crm', 'j')).toMatchObject({ email: 'new@x' });
    expect(get('profile', 'crm', 'k')).toMatchObject({ email: 'k\nk' });
    const rejects = rejectsIn(read('people.csv.rejects.csv'));
    expect(rejects.map(({ _row, _code }) => `${_row} ${_code}`)).toEqual([
      '3 MALFORMED',
      '4 MALFORMED',
      '5 MALFORMED',
      '6 MALFORMED',
      '7 MALFORMED',
      '8 TOO_LARGE',
      '9 REJECTED',
      '10 REQUIRED',
      '11 DUPLICATE',
    ]);
    expect(rejects[6]).toMatchObject({ profileId: 'poison', source: 'crm', email: 'h@x' });

    // As they are they are refused again, and none of them overwrites what is in.
    const unmended = await runHere(['profiles', path('people.csv.rejects.csv')]);
    expect(unmended).toMatchObject({ code: 1, summary: { upserted: 0, rejected: 9 } });
    expect(get('profile', 'crm', 'j')).toMatchObject({ email: 'new@x' });

    const mended = read('people.csv.rejects.csv')
      .replace('"b,crm"', '"b,crm,b@x"')
      .replace('d,crm,d""d', 'd,crm,d@x')
      .replace(',poison,', ',h,');
    writeFileSync(path('mended.csv'), mended);
    const again = await runHere(['profiles', path('mended.csv')]);
    expect(again).toMatchObject({ code: 1, summary: { upserted: 3, rejected: 6 } });
    expect(get('profile', 'crm', 'b')).toMatchObject({ email: 'b@x' });
    expect(get('profile', 'crm', 'd')).toMatchObject({ email: 'd@x' });
  });

  test('rows of NDJSON are rejected whole, and go in from the rejects once mended', async () => {
    const { path, read } = tempFolder();
    writeFileSync(
      path('p.jsonl'),
      '{"profileId":"1","source":"s","name":"A"}\n{"profileId":"2"\n\n{"profileId":"3","name":"C"}\n',
    );
    expect(await runHere(['profiles', path('p.jsonl')])).toMatchObject({
      code: 1,
      summary: { upserted: 1, rejected: 2 },
    });
    const rejects = rejectsIn(read('p.jsonl.rejects.csv'));
    expect(rejects.map(({ _row, _code, _raw }) => [_row, _code, _raw])).toEqual([
      ['2', 'MALFORMED', '{"profileId":"2"'],
      ['4', 'REQUIRED', '{"profileId":"3","name":"C"}'],
    ]);
    const again = await runHere(['profiles', path('p.jsonl.rejects.csv'), '--source', 's']);
    expect(again).toMatchObject({ code: 1, summary: { upserted: 1, rejected: 1 } });
    expect(get('profile', 's', '3')).toMatchObject({ name: 'C' });
  });

  test('what fails for a while is sent again until it is in', async () => {
    sandbox.faults.set({ status: 503, times: 3 });
    const rows = Array.from({ length: 300 }, (_, i) => `p${i},s\n`).join('');
    expect(await runHere(['profiles', '-'], `profileId,source\n${rows}`)).toMatchObject({
      code: 0,
      summary: { upserted: 300 },
    });
    expect(sandbox.store.size('profile')).toBe(300);
  });

  test('a dry run sends nothing, and tells what would be refused', async () => {
    const { path, read } = tempFolder();
    writeFileSync(path('p.csv'), 'profileId,source,createdAt\n1,s,\n2,s,soon\n');
    const { code, summary } = await runHere(['profiles', path('p.csv'), '--dry-run']);
    expect(code).toBe(1);
    expect(summary).toMatchObject({ dryRun: true, upserted: 0, notAttempted: 1, rejected: 1, requests: 1 });
    expect(rejectsIn(read('p.csv.dry-run.rejects.csv'))[0]).toMatchObject({ _row: '3', _code: 'INVALID' });
    writeFileSync(path('p.csv'), 'profileId,source,createdAt\n1,s,now\n2,s,\n');
    await runHere(['profiles', path('p.csv'), '--dry-run']);
    expect(rejectsIn(read('p.csv.dry-run.rejects.csv')).map(({ _row }) => _row)).toEqual(['2']);
    expect(readdirSync(path('.')).toSorted()).toEqual(['p.csv', 'p.csv.dry-run.rejects.csv']);
    expect(sandbox.requests).toEqual([]);
  });

  test('calls keep to the rate that is given', async () => {
    const rows = Array.from({ length: 500 }, (_, i) => `p${i},s\n`).join('');
    const { code, summary } = await runHere(['profiles', '-', '--limit-calls', '10/s'], `profileId,source\n${rows}`);
    expect({ code, requests: summary.requests }).toEqual({ code: 0, requests: 10 });
    // Nine gaps of 100 ms.
    expect(summary.seconds).toBeGreaterThan(0.85);
  });
});

test('as many calls are made at once as are allowed, and no more', async () => {
  let now = 0;
  let most = 0;
  const upstream = await startUpstream(async ({ body }) => {
    now += 1;
    most = Math.max(most, now);
    await setTimeout(50);
    now -= 1;
    return { items: JSON.parse(body).profiles };
  });
  try {
    const env = { DATATRICS_URL: upstream.url, DATATRICS_PROJECT: '1', DATATRICS_API_KEY: 'k' };
    const rows = Array.from({ length: 1_500 }, (_, i) => `p${i},s\n`).join('');
    const done = await run(['profiles', '-', '--concurrency', '9'], env, `profileId,source\n${rows}`);
    expect(done).toMatchObject({ code: 0, summary: { upserted: 1_500 } });
    expect(most).toBe(9);
  } finally {
    await upstream.close();
  }
});

describe('other encodings', () => {
  test.each(['utf-16le', 'utf-32le', 'utf-32be', 'latin1'])('%s is found out', async (encoding) => {
    const text = `${encoding === 'latin1' ? '' : '\u{FEFF}'}profileId\tsource\tname\n1\ts\tRenée\n2\ts\tJürgen\n3\ts\tZoë\n`;
    const { code } = await run(['profiles', '-'], envOf(sandbox), iconv.encode(text, encoding));
    expect(code).toBe(0);
    expect(sandbox.store.list('profile').map(({ name }) => name)).toEqual(['Renée', 'Jürgen', 'Zoë']);
  });
});

describe('wrong usage ends with 2 and sends nothing:', () => {
  const { path } = { path: (name: string) => `test/import/${name}` };
  test.each([
    ['no way to go', ['profiles', '-'], {}, /DATATRICS_URL/],
    ['no such thing', ['people', '-'], null, /profiles, contents/],
    ['no file', ['profiles'], null, /file/],
    ['a missing file', ['profiles', path('none.csv')], null, /ENOENT/],
    ['a folder', ['profiles', '.'], null, /^\. is a directory: name one file\.$/m],
    ['an unknown option', ['profiles', '-', '--sourc', 'x'], null, /--sourc'/],
    ['a rate that is none', ['profiles', '-', '--limit-calls', 'fast'], null, /10\/s/],
    ['resuming standard input', ['profiles', '-', '--resume'], null, /Standard input/],
    ['a column that is not there', ['profiles', '-', '--map', 'email=Mail'], null, /Mail/],
    ['a field that is misspelt', ['profiles', '-', '--map', 'emial=x'], null, /did you mean email=x\?/],
    ['strict with an unknown column', ['profiles', '-', '--strict'], null, /x.*--strict/],
    ['no source', ['profiles', '-'], null, /--source/],
    ['a key that is missing', ['profiles', '-'], { DATATRICS_URL: 'http://127.0.0.1:1/2.0' }, /DATATRICS_API_KEY/],
  ])('%s', async (_, args, env, message) => {
    const stdin = 'profileId,x\n1,2\n';
    const { status, stdout, stderr } = await commands.run('packages/import/main.ts', args, env ?? envOf(sandbox), {
      stdin,
    });
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(message);
    expect(sandbox.requests).toEqual([]);
  });

  test('another file than the journal’s', async () => {
    const folder = tempFolder();
    writeFileSync(folder.path('p.csv'), 'profileId,source\n1,s\n');
    await run(['profiles', folder.path('p.csv')], envOf(sandbox));
    writeFileSync(folder.path('p.csv'), 'profileId,source\n2,s\n');
    sandbox.requests.length = 0;
    const { code, stderr } = await run(['profiles', folder.path('p.csv'), '--resume'], envOf(sandbox));
    expect({ code, sent: sandbox.requests.length }).toEqual({ code: 2, sent: 0 });
    expect(stderr).toContain('p.csv.journal');
  });
});

test('writes the rows of a truncated gzip file up to the cut, and reports it', async () => {
  const lines = Array.from({ length: 5_000 }, (_, i) =>
    JSON.stringify({ profileId: `p${i}`, source: 's', x: Math.random() }),
  );
  const packed = gzipSync(lines.join('\n'));
  const { code, summary } = await run(['profiles', '-'], envOf(sandbox), packed.subarray(0, packed.length - 20_000));
  expect(code).toBe(1);
  expect(summary).toMatchObject({ complete: false, reason: expect.stringContaining('gzip') });
});

test('--help names the options and the exit codes', async () => {
  const { code, stdout } = await startImport(['--help'], {}).ended;
  expect(code).toBe(0);
  for (const word of ['--resume', '--limit-calls', 'rejects', 'Exit code', '--map email=E-mail'])
    expect(stdout).toContain(word);
});

test('--header authenticates at a gateway that asks for a key', async () => {
  const asking = await startWithSandbox({ AUTH_MODE: 'passthrough', HOST: '127.0.0.1' }, { empty: true });
  try {
    const args = ['profiles', '-', '--gateway', `${asking.url}/graphql`];
    const csv = 'profileId,source\n1,s\n';
    const refused = await run(args, {}, csv);
    expect(refused).toMatchObject({ code: 4, summary: { complete: false, notAttempted: 1 } });
    const taken = await run([...args, '--header', `x-apikey: ${asking.sandbox.apiKey}`], {}, csv);
    expect(taken).toMatchObject({ code: 0, summary: { upserted: 1 } });
  } finally {
    await asking.close();
  }
});

describe('the token for a gateway', () => {
  const TOKEN = 'reader-token-0123456789abcdef';
  const csv = 'profileId,source\n1,s\n';
  const { path } = (() => {
    const folder = mkdtempSync(join(tmpdir(), 'token-'));
    afterAll(() => rmSync(folder, { recursive: true }));
    return { path: (name: string) => join(folder, name) };
  })();

  test.each([
    ['from --token-file, without the line end', ['--token-file', path('token')], {}, `Bearer ${TOKEN}`],
    ['from the environment', [], { GATEWAY_TOKEN: TOKEN }, `Bearer ${TOKEN}`],
    ['from the file first', ['--token-file', path('token')], { GATEWAY_TOKEN: 'other' }, `Bearer ${TOKEN}`],
  ])('is sent %s', async (_, args, env, expected) => {
    writeFileSync(path('token'), `${TOKEN}\n`);
    const seen: (string | undefined)[] = [];
    const answer = { results: [{ index: 0, outcome: 'UPSERTED', userErrors: [] }], summary: { upstreamRequests: 1 } };
    const server = await startUpstream(({ headers }) => {
      seen.push(headers.authorization);
      return { data: { payload: answer } };
    });
    try {
      const { origin } = new URL(server.url);
      const done = await run(['profiles', '-', '--gateway', `${origin}/graphql`, ...args], env, csv);
      expect(done).toMatchObject({ code: 0, summary: { upserted: 1 } });
      expect(seen).toEqual([expected]);
    } finally {
      await server.close();
    }
  });

  test.each([
    ['a file that is not there', 'none', null, /none cannot be read or written \(ENOENT\)/],
    ['an empty file', 'empty', '\n', /--token-file: .*empty must have one token/],
    ['a file of two words', 'two', 'a b\n', /--token-file: .*two must have one token/],
  ])('is refused from %s', async (_, name, content, message) => {
    if (content !== null) writeFileSync(path(name), content);
    const args = ['profiles', '-', '--gateway', gateway.url, '--token-file', path(name)];
    const { code, stderr } = await run(args, {}, csv);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  test('without --gateway is refused', async () => {
    writeFileSync(path('token'), TOKEN);
    const { code, stderr } = await run(['profiles', '-', '--token-file', path('token')], envOf(sandbox), csv);
    expect(code).toBe(2);
    expect(stderr).toContain('--gateway');
  });
});
