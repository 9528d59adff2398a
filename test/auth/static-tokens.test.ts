import { mkdirSync, readFileSync, rmSync, symlinkSync, utimesSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { startWithUpstream } from '../helpers/gateway.ts';
import { createTokenFile } from '../helpers/token-file.ts';

describe('a list of static tokens', () => {
  const list = createTokenFile();
  const ada = list.add('ada', ['profiles:read'], ['1']);
  const start = () => startWithUpstream(() => ({ profileid: '1001', source: 'Webshop' }), list.settings);
  const statusOf = async (by: Awaited<ReturnType<typeof start>>, times = 1): Promise<number[]> => {
    const statuses: number[] = [];
    for (let i = 0; i < times; i++) statuses.push((await by.query('{ __typename }', {}, ada)).status);
    return statuses;
  };

  test.each<[string, () => void]>([
    ['is gone', () => rmSync(list.path)],
    [
      'can not even be looked at',
      () => {
        rmSync(list.path);
        symlinkSync(list.path, list.path);
      },
    ],
    [
      'is a folder',
      () => {
        rmSync(list.path);
        mkdirSync(list.path);
      },
    ],
  ])('that %s lets nobody in, and those who ask are told no more than ever', async (_name, spoil) => {
    const text = readFileSync(list.path, 'utf8');
    const running = await start();
    expect(await statusOf(running)).toEqual([200]);
    spoil();
    await sleep(1_100);
    expect(await statusOf(running, 3)).toEqual([401, 401, 401]);
    rmSync(list.path, { recursive: true, force: true });
    list.write(text);
    await sleep(1_100);
    expect(await statusOf(running)).toEqual([200]);
    await running.close();
  });

  test('that was written with the size and the time that it had is read anew', async () => {
    const text = readFileSync(list.path, 'utf8');
    // Whole milliseconds, so that they can be set again.
    utimesSync(list.path, 1_700_000_000, 1_700_000_000);
    const running = await start();
    expect(await statusOf(running)).toEqual([200]);
    list.write(text.replace('"ada"', '"bob"'));
    utimesSync(list.path, 1_700_000_000, 1_700_000_000);
    await sleep(1_100);
    expect(await statusOf(running)).toEqual([401]);
    list.write(text);
    await running.close();
  });
});
