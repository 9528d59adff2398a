import { mkdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { startWithUpstream } from '../helpers/gateway.ts';
import { createTokenFile } from '../helpers/token-file.ts';

/** ms after which a gateway looks at the file again. */
const LOOKS_AGAIN = 1_100;

async function start() {
  const list = createTokenFile();
  const ada = list.add('ada', ['profiles:read'], ['1']);
  const gateway = await startWithUpstream(() => ({ profileid: '1001', source: 'Webshop' }), list.settings);
  const status = async (headers = ada): Promise<number> => (await gateway.query('{ __typename }', {}, headers)).status;
  expect(await status()).toBe(200);
  return { list, gateway, status };
}

// They wait for the gateway to look at the file again.
describe.concurrent('a list of static tokens', async () => {
  const SPOILT: Readonly<Record<string, (path: string) => void>> = {
    'does not exist': () => undefined,
    'is a link to itself': (path) => symlinkSync(path, path),
    'is a folder': (path) => mkdirSync(path),
    'is not JSON': (path) => writeFileSync(path, '[{'),
  };
  const cases = await Promise.all(
    Object.entries(SPOILT).map(async ([name, spoil]) => ({ name, spoil, ...(await start()) })),
  );

  test.each(cases)('that $name admits nobody, and admits its callers once it is valid again', async (one) => {
    const { path } = one.list;
    const text = readFileSync(path, 'utf8');
    rmSync(path);
    one.spoil(path);
    await sleep(LOOKS_AGAIN);
    expect([await one.status(), await one.status()]).toEqual([401, 401]);
    rmSync(path, { recursive: true, force: true });
    one.list.write(text);
    await sleep(LOOKS_AGAIN);
    expect(await one.status()).toBe(200);
  });

  const changing = await start();
  test('is read again when a token was added or removed', async () => {
    const late = changing.list.add('late', ['profiles:read'], ['1']);
    await sleep(LOOKS_AGAIN);
    expect(await changing.status(late)).toBe(200);
    const entries: { id: string }[] = JSON.parse(readFileSync(changing.list.path, 'utf8'));
    changing.list.write(JSON.stringify(entries.filter(({ id }) => id !== 'ada')));
    await sleep(LOOKS_AGAIN);
    expect([await changing.status(), await changing.status(late)]).toEqual([401, 200]);
    expect(changing.gateway.upstream.calls).toEqual([]);
  });

  const disguised = await start();
  test('is read again when it has the same size and time as before', async () => {
    const { path, write } = disguised.list;
    // Whole milliseconds, so that they can be set again.
    utimesSync(path, 1_700_000_000, 1_700_000_000);
    await sleep(LOOKS_AGAIN);
    expect(await disguised.status()).toBe(200);
    write(readFileSync(path, 'utf8').replace('"ada"', '"bob"'));
    utimesSync(path, 1_700_000_000, 1_700_000_000);
    await sleep(LOOKS_AGAIN);
    expect(await disguised.status()).toBe(401);
  });
});
