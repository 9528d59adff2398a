import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { PROCESS_ENV } from '../helpers/command.ts';

test('documents of 10 KB that keep coming stay within the bound of their cache, in a process with a small heap', async () => {
  const flags = ['--expose-gc', '--max-old-space-size=128'];
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...flags, 'test/helpers/document-flood.ts', process.env.FLOOD_DOCUMENTS ?? '16'],
    { env: PROCESS_ENV },
  );
  // The program and what is kept of new documents take 34 MB, and 70 MB where they have no bound.
  expect(Number(stdout)).toBeLessThan(56 * 1024 * 1024);
});
