import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { startSandbox } from '../../../src/sandbox/server.ts';
import { Commands } from '../../../test/helpers/command.ts';
import { envOf, runImportBy, tempFolder } from '../../../test/helpers/import.ts';

/** A file as a program exports it, and what must come of it. */
interface Case {
  readonly file: string;
  /** What made it. */
  readonly made: string;
  readonly resource: 'profiles' | 'conversions';
  readonly args?: readonly string[];
  /** The records that are written, in order: at least these fields. */
  readonly rows: readonly object[];
  /** Rows that are rejected. Default: 0. */
  readonly rejected?: number;
  /** Exit code. Default: 1 with rejected rows, else 0. */
  readonly code?: number;
}

const FOLDER = join(import.meta.dirname, 'files');
const cases = JSON.parse(readFileSync(join(FOLDER, 'expected.json'), 'utf8')) as Case[];

const sandbox = await startSandbox({ empty: true });
afterAll(() => sandbox.close());
beforeEach(() => sandbox.reset());
const commands = new Commands();

describe('exports of other programs', () => {
  test('are all tested', () => {
    const files = readdirSync(FOLDER).filter((name) => name !== 'expected.json');
    expect(files.toSorted()).toEqual(cases.map(({ file }) => file).toSorted());
    expect(cases.length).toBeGreaterThanOrEqual(60);
  });

  test.each(cases)('$file: $made', async ({ file, resource, args = [], rows, rejected = 0, code }) => {
    // Outputs go beside the input.
    const { path } = tempFolder();
    copyFileSync(join(FOLDER, file), path(file));
    const run = await runImportBy(commands, [resource, path(file), '--source', 's', ...args], envOf(sandbox));
    const stored = sandbox.store.list(resource === 'profiles' ? 'profile' : 'conversion');
    expect(run.code, run.stderr).toBe(code ?? (rejected > 0 ? 1 : 0));
    expect(stored).toEqual(rows.map((row) => expect.objectContaining(row)));
    if (run.code !== 2) expect(run.summary).toMatchObject({ upserted: rows.length, rejected });
  });
});
