import { describe, expect, test } from 'vitest';
import { FAMILIES } from '../attack/families/index.ts';
import { lineOf } from '../attack/report.ts';
import { runAttacks } from '../attack/run.ts';
import { runCommand } from '../helpers/command.ts';

const attack = (...args: string[]) => runCommand('test/attack/main.ts', args, {});

// `npm run attack` without bounds tries many more.
test('no request within the limits occupies the event loop for 0.5 s, adds 100 MB, or ends the process', {
  timeout: 180_000,
}, async () => {
  const findings = await runAttacks({ seed: 1, families: FAMILIES, count: 3, seconds: 30 }, () => undefined);
  // A busy machine does not get through all of them in this time.
  expect(new Set(findings.map(({ family }) => family)).size).toBeGreaterThan(FAMILIES.length / 3);
  expect(findings.filter(({ violations }) => violations.length > 0).map(lineOf)).toEqual([]);
});

describe('npm run attack', () => {
  test.each([
    [['--count', 'many'], '--count must be a whole number, not "many".'],
    [['--family', 'nothing of the kind'], 'No family has "nothing of the kind" in its name'],
  ])('refuses %j', async (args, message) => {
    const { status, stderr } = await attack(...args);
    expect([status, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  test('ends a gateway that needs more than --memory', { timeout: 120_000 }, async (context) => {
    const { stderr, stdout } = await attack('--memory', '40', '--count', '1', '--seconds', '60', '--family', 'headers');
    if (stderr.includes('needs permission for a control group')) context.skip();
    expect(`${stdout}${stderr}`).toContain('the gateway did not start');
  });

  test('sends the same requests for the same seed', () => {
    const bytes = (round: number): Buffer[] =>
      FAMILIES.flatMap((family) =>
        family
          .make(7, round)
          .requests.slice(0, 3)
          .map((request) => request.bytes),
      );
    const again = bytes(3).values();
    expect(bytes(3).every((one) => one.equals(again.next().value as Buffer))).toBe(true);
  });
});
