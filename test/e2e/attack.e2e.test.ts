import { describe, expect, test } from 'vitest';
import { createDice } from '../attack/dice.ts';
import { FAMILIES } from '../attack/families/index.ts';
import { lineOf } from '../attack/report.ts';
import { runAttacks } from '../attack/run.ts';
import { runCommand } from '../helpers/command.ts';

const attack = (...args: string[]) => runCommand('test/attack/main.ts', args, {});

test('no request within the limits occupies the event loop for 0.5 s, adds 100 MB, or ends the process', {
  timeout: 180_000,
}, async () => {
  // `npm run attack` without bounds tries many more.
  const seed = 1;
  const findings = await runAttacks({ seed, families: FAMILIES, count: 3, seconds: 30 }, () => undefined);
  // A busy machine does not get through all of them in this time.
  expect(new Set(findings.map(({ family }) => family)).size).toBeGreaterThan(FAMILIES.length / 3);
  expect(findings.filter(({ violations }) => violations.length > 0).map(lineOf)).toEqual([]);
});

describe('npm run attack', () => {
  test('describes its options', async () => {
    const { status, stdout } = await attack('--help');
    expect(status).toBe(0);
    for (const option of ['--seed', '--count', '--seconds', '--family', '--memory', '--markdown'])
      expect(stdout).toContain(option);
  });

  test.each([
    [['--sead', '1'], "Unknown option '--sead'"],
    [['--count', 'many'], '--count must be a whole number, not "many".'],
    [['--family', 'nothing of the kind'], 'No family has "nothing of the kind" in its name'],
    [['--markdown', 'table'], '--markdown must be "before" or "after", not "table".'],
  ])('refuses %j', async (args, message) => {
    const { status, stderr } = await attack(...args);
    expect(status).toBe(2);
    expect(stderr).toContain(message);
  });

  test('ends a gateway that needs more than --memory', { timeout: 120_000 }, async (context) => {
    const { stderr, stdout } = await attack('--memory', '40', '--count', '1', '--seconds', '60', '--family', 'headers');
    if (stderr.includes('needs permission for a control group')) context.skip();
    expect(`${stdout}${stderr}`).toContain('the gateway did not start');
  });

  test('sends the same requests for the same seed', () => {
    for (const family of FAMILIES.filter(({ name }) => !name.includes('hundreds'))) {
      const bytes = (round: number): string[] =>
        family.make(createDice(7, family.name, round)).requests.map((request) => request.bytes.toString('base64'));
      expect(bytes(3)).toEqual(bytes(3));
    }
  });
});
