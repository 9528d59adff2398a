import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { startSandbox } from '../../../src/sandbox/server.ts';
import { envOf, runImport, startImport, tempFolder } from '../../../test/helpers/import.ts';

/** `IMPORT_KILLS=100 npm run test:e2e -- import` for the long run. */
const KILLS = Number(process.env.IMPORT_KILLS ?? 10);

const sandbox = await startSandbox({ empty: true, maxRequestLog: 10_000 });
afterAll(() => sandbox.close());
beforeEach(() => {
  sandbox.reset();
  sandbox.faults.clear();
  sandbox.requests.length = 0;
});

const ROWS = 6_000;
const POISON = ['p-77', 'p-2500', 'p-5999'];

/**
 * Rows of which some are malformed, some refused by the API, and some share a key with another nearby or far off, with other
 * fields, so that both order and number of the writes show in the end state.
 */
function file(): string {
  const lines = ['profileId,source,name,email,city,updated'];
  for (let i = 0; i < ROWS; i++) {
    const id = i % 101 === 100 ? i - 7 : i % 997 === 996 ? Math.max(0, i - 2_900) : i;
    const own = i % 3 === 0 ? `Name ${i},,Town ${i}` : `,mail${i}@x.example,`;
    if (i % 503 === 502) lines.push(`p-${id},"broken`);
    else lines.push(`p-${id},${i % 2 ? 'CRM' : 'Shop'},${own},2024-05-01 12:00:00`);
  }
  return `${lines.join('\n')}\n`;
}

function state(): string {
  const records = sandbox.store.list('profile').map((record) => {
    // Of the rest the sandbox makes up the time of the first write.
    const { created: _, ...rest } = record as Record<string, unknown>;
    return JSON.stringify(rest, Object.keys(rest).sort());
  });
  return records.sort().join('\n');
}

/** Rows that a journal knows to be in, by itself and not by the code under test. */
function knownIn(journal: string): Set<number> {
  const known = new Set<number>();
  if (!existsSync(journal)) return known;
  const lines = readFileSync(journal, 'utf8').split('\n').slice(0, -1);
  for (const line of lines) {
    for (const [from, to] of JSON.parse(line).in ?? []) for (let row = from; row <= to; row++) known.add(row);
  }
  return known;
}

/** Marks of the rows that were sent: row numbers by what only this row has in it. */
function sentRows(): Set<string> {
  const sent = new Set<string>();
  for (const { body = '' } of sandbox.requests) {
    for (const { profile } of (JSON.parse(body) as { profiles: { profile: Record<string, string> }[] }).profiles) {
      sent.add(profile.name ?? profile.email ?? '');
    }
  }
  return sent;
}

/** What only the row of this number has in it. */
function markOf(row: number): string {
  const i = row - 2;
  return i % 3 === 0 ? `Name ${i}` : `mail${i}@x.example`;
}

describe('an import that is killed', () => {
  test(
    `at ${KILLS} random moments ends as one clean run does, with the same command`,
    async () => {
      const content = file();
      const faults = { poisonIds: POISON, latencyMs: 3 };
      const clean = tempFolder();
      writeFileSync(clean.path('people.csv'), content);
      sandbox.faults.set(faults);
      const once = await runImport(['profiles', clean.path('people.csv'), '--resume'], envOf(sandbox));
      expect(once.code).toBe(1);
      expect(once.summary).toMatchObject({ rows: ROWS, complete: true, notAttempted: 0, unknown: 0 });
      expect(once.summary.rejected).toBeGreaterThan(POISON.length);
      const expected = state();
      const expectedRejects = clean.read('people.csv.rejects.csv');

      let kills = 0;
      let inMidRun = 0;
      while (kills < KILLS) {
        sandbox.reset();
        const folder = tempFolder();
        writeFileSync(folder.path('people.csv'), content);
        const args = ['profiles', folder.path('people.csv'), '--resume'];
        // Up to three kills of one import, the later ones of what goes on.
        const rounds = Math.min(KILLS - kills, 1 + Math.floor(Math.random() * 3));
        for (let round = 0; round < rounds; round++) {
          const known = knownIn(folder.path('people.csv.journal'));
          sandbox.requests.length = 0;
          const { child, ended } = startImport(args, envOf(sandbox));
          const deadline = performance.now() + 5_000;
          // Some while it starts, most while it sends.
          if (Math.random() < 0.9) {
            while (sandbox.requests.length === 0 && child.exitCode === null && performance.now() < deadline)
              await sleep(5);
          }
          await sleep(Math.random() * 350);
          child.kill('SIGKILL');
          const { code } = await ended;
          if (code === null) kills += 1;
          if (code === null && sandbox.requests.length > 0) inMidRun += 1;
          const sent = sentRows();
          for (const row of known) expect(sent.has(markOf(row)), `row ${row} was sent again`).toBe(false);
          if (code !== null) break;
        }
        const known = knownIn(folder.path('people.csv.journal'));
        sandbox.requests.length = 0;
        const { code, summary } = await runImport(args, envOf(sandbox));
        const sent = sentRows();
        for (const row of known) expect(sent.has(markOf(row)), `row ${row} was sent again`).toBe(false);
        expect(code).toBe(1);
        const { rows, upserted, rejected, complete } = once.summary;
        expect(summary).toMatchObject({ rows, upserted, rejected, complete });
        expect(folder.read('people.csv.rejects.csv')).toBe(expectedRejects);
        expect(state() === expected, 'the records are those of a clean run').toBe(true);
      }
      expect(inMidRun).toBeGreaterThan(KILLS / 4);
    },
    60_000 + KILLS * 6_000,
  );

  test('and had come to its end is left alone', async () => {
    const folder = tempFolder();
    writeFileSync(folder.path('people.csv'), 'profileId,source,name\n1,CRM,Ada\n2,CRM,Bo\n');
    const args = ['profiles', folder.path('people.csv'), '--resume'];
    expect((await runImport(args, envOf(sandbox))).code).toBe(0);
    sandbox.requests.length = 0;
    const again = await runImport(args, envOf(sandbox));
    expect(again.code).toBe(0);
    expect(again.summary).toMatchObject({ rows: 2, upserted: 2, requests: 0, resumedRows: 2 });
    expect(sandbox.requests).toEqual([]);
  });
});

describe('an import that is stopped', () => {
  test('by Ctrl-C finishes the calls under way, says how to go on, and does', async () => {
    sandbox.faults.set({ latencyMs: 20 });
    const folder = tempFolder();
    const lines = Array.from({ length: 10_000 }, (_, i) => `{"profileId":"p${i}","source":"CRM","name":"N${i}"}\n`);
    writeFileSync(folder.path('people.ndjson'), lines.join(''));
    const args = ['profiles', folder.path('people.ndjson')];
    const { child, ended } = startImport(args, envOf(sandbox));
    await expect.poll(() => sandbox.requests.length, { timeout: 10_000 }).toBeGreaterThan(4);
    child.kill('SIGINT');
    const { code, stdout, stderr } = await ended;
    expect(code).toBe(130);
    expect(stderr).toContain('Stopping');
    expect(stdout).toContain('To continue, run the same command with --resume.');
    const before = sandbox.store.size('profile');
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(10_000);
    expect(sandbox.requests.every(({ status }) => status === 200)).toBe(true);

    sandbox.requests.length = 0;
    const again = await runImport([...args, '--resume'], envOf(sandbox));
    expect(again.code).toBe(0);
    expect(again.summary).toMatchObject({ rows: 10_000, upserted: 10_000, resumedRows: before });
    expect(sandbox.store.size('profile')).toBe(10_000);
    expect(sandbox.requests.length).toBeLessThan((10_000 - before) / 50 + 60);
  });

  test('by an API that stays away tells so, and goes on later', async () => {
    const folder = tempFolder();
    writeFileSync(folder.path('people.csv'), 'profileId,source\n1,CRM\n2,CRM\n');
    sandbox.faults.set({ status: 401 });
    const refused = await runImport(['profiles', folder.path('people.csv')], envOf(sandbox));
    expect(refused.code).toBe(4);
    expect(refused.summary).toMatchObject({ complete: false, notAttempted: 2, reason: expect.stringContaining('key') });
    sandbox.faults.clear();
    const again = await runImport(['profiles', folder.path('people.csv'), '--resume'], envOf(sandbox));
    expect(again.code).toBe(0);
    expect(again.summary).toMatchObject({ rows: 2, upserted: 2 });
  });
});
