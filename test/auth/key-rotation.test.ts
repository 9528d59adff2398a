import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startGateway } from '../../src/app.ts';
import { readConfig } from '../../src/config/config.ts';
import { createFolder } from '../helpers/files.ts';
import { type FakeUpstream, postJson, startUpstream } from '../helpers/gateway.ts';
import { captureLog } from '../helpers/log-lines.ts';
import { createTokenFile } from '../helpers/token-file.ts';

const { folder } = createFolder();

/** Replaces a file at once, as orchestrators do. */
function write(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
  return path;
}

async function start(answer: Parameters<typeof startUpstream>[0], settings: Record<string, string>) {
  const upstream: FakeUpstream = await startUpstream(answer);
  const env = { PORT: '0', MAX_EVENT_LOOP_DELAY_MS: '0', DATATRICS_URL: upstream.url, ...settings };
  const config = readConfig(env);
  const captured = captureLog();
  const sources = { profile: [], content: [], conversion: [], interaction: [] };
  const { project, apiKey } = config;
  const api = { origin: upstream.origin, basePath: '/2.0', project, apiKey, sources };
  const gateway = await startGateway(config, api, captured.log);
  const ask = async (query: string, headers: Record<string, string> = {}, path = '/graphql') => {
    const response = await postJson(gateway.url + path, { query }, headers);
    // biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
    return (await response.json()) as any;
  };
  /** Keys of the calls since the last look. */
  const keys = (): unknown[] => upstream.calls.splice(0).map(({ headers }) => headers['x-apikey']);
  /** Replaces a file, and waits until the gateway has read it. */
  const replace = (name: string, content: string) => {
    const read = () => captured.lines('secret read again').length;
    const before = read();
    write(name, content);
    return expect.poll(read, { timeout: 20_000, interval: 200 }).toBe(before + 1);
  };
  return { ask, keys, replace, ...captured };
}

const one = (id: string): string => `profile(profileId: "${id}", source: "s") { profileId }`;
const profile = (path: string) => {
  const id = /profile\/([^?]+)/.exec(path)?.[1];
  return { profile: { profileid: id, source: 's' }, profileid: id, source: 's' };
};

describe('the key in DATATRICS_API_KEY_FILE', () => {
  test('is replaced without a restart; an operation under way keeps its key', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const path = write('key', 'old-canary\n');
    const settings = { AUTH_MODE: 'open', DATATRICS_PROJECT: '1', DATATRICS_API_KEY_FILE: path };
    const { ask, keys, replace, text } = await start(async (call) => {
      if (call.path.includes('/profile/slow')) await held;
      if (call.path.includes('/conversion')) return { conversions: [], total_elements: 0 };
      return profile(call.path);
    }, settings);
    await ask(`{ ${one('a')} }`);
    expect(keys()).toEqual(['old-canary']);
    // Its second call goes out after the change.
    const pending = ask(
      '{ profile(profileId: "slow", source: "s") { profileId conversions(first: 1) { nodes { total } } } }',
    );
    await expect.poll(keys).toEqual(['old-canary']);
    await replace('key', 'new-canary\n');
    await ask(`{ ${one('b')} }`);
    expect(keys()).toEqual(['new-canary']);
    release();
    expect((await pending).data.profile.profileId).toBe('slow');
    const late = keys();
    expect(late.length).toBeGreaterThan(0);
    expect(new Set(late)).toEqual(new Set(['old-canary']));
    expect(text()).not.toContain('canary');
  });

  test('stays as it was while the file cannot be used', async () => {
    const path = write('key', 'first-canary');
    const settings = { AUTH_MODE: 'open', DATATRICS_PROJECT: '1', DATATRICS_API_KEY_FILE: path };
    const { ask, keys, replace, lines, text } = await start((call) => profile(call.path), settings);
    const unusable = () => lines('secret is unreadable: the last value stays in use').map(({ problem }) => problem);
    const replaced = () => {
      write('key', 'canary with spaces');
      return unusable();
    };
    await expect
      .poll(replaced, { timeout: 20_000, interval: 200 })
      .toContain('needs a key of visible ASCII characters');
    rmSync(path);
    await expect.poll(unusable, { timeout: 20_000 }).toContain('ENOENT');
    await ask(`{ ${one('a')} }`);
    expect(keys()).toEqual(['first-canary']);
    await replace('key', 'second-canary');
    await ask(`{ ${one('b')} }`);
    expect(keys()).toEqual(['second-canary']);
    expect(text()).not.toContain('canary');
  });

  test('is replaced for callers with a token, and for each project of the configuration file', async () => {
    const tokens = createTokenFile();
    const token = tokens.add('t', undefined, ['1', '2']);
    const config = write(
      'gateway.json',
      JSON.stringify({
        projects: [
          { id: '1', apiKeyFrom: 'KEY_ONE' },
          { id: '2', apiKeyFrom: 'KEY_TWO' },
        ],
      }),
    );
    const settings = {
      ...tokens.settings,
      GATEWAY_CONFIG: config,
      KEY_ONE_FILE: write('one', 'one-old'),
      KEY_TWO: 'two',
    };
    const { ask, keys, replace } = await start((call) => profile(call.path), settings);
    const send = (project: string) => ask(`{ ${one('a')} }`, { ...token, 'x-datatrics-project': project });
    await send('1');
    await send('2');
    await replace('one', 'one-new');
    await send('1');
    await send('2');
    expect(keys()).toEqual(['one-old', 'two', 'one-new', 'two']);
  });
});

test('the secret in ROUTER_SECRET_FILE is replaced without a restart', async () => {
  const path = write('router', 'old-router-secret');
  const settings = {
    AUTH_MODE: 'open',
    DATATRICS_PROJECT: '1',
    DATATRICS_API_KEY: 'k',
    ROUTER_SECRET_FILE: path,
  };
  const { ask, replace } = await start((call) => profile(call.path), settings);
  const send = (secret: string) => ask('{ __typename }', { 'x-router-secret': secret }, '/subgraph');
  expect((await send('old-router-secret')).data).toEqual({ __typename: 'Query' });
  await replace('router', 'new-router-secret');
  expect((await send('new-router-secret')).data).toEqual({ __typename: 'Query' });
  expect((await send('old-router-secret')).errors[0].extensions.code).toBe('UNAUTHENTICATED');
});
