import { AT_ONCE, type Finding, harm } from './run.ts';

const kb = (bytes: number): string => `${(bytes / 1_000).toFixed(bytes < 10_000 ? 1 : 0)} kB`;
const mean = (of: readonly number[]): number => of.reduce((sum, one) => sum + one, 0) / Math.max(1, of.length);

/** The line that is printed while attacks run. */
export function lineOf({ family, attack, round, measured, violations }: Finding): string {
  const { requests, atOnce } = attack;
  const { answers } = measured;
  const cells = [
    violations.length > 0 ? 'FAIL' : 'ok',
    `${Math.round(measured.mainMs)} ms`.padStart(9),
    `${Math.round(measured.allMs)} ms`.padStart(9),
    `${Math.round(measured.addedMb)} MB`.padStart(8),
    `${kb(mean(requests.map(({ bytes }) => bytes.length)))} → ${kb(mean(answers.map(({ bytes }) => bytes)))}`.padStart(
      20,
    ),
    requests.length === 1 ? '' : `${requests.length} requests, ${atOnce} at once`,
    `${family} #${round}: ${attack.what}`,
    `[${[...new Set(answers.flatMap(({ outcome }) => outcome))].join(' ')}]`,
    answers.find(({ message }) => message)?.message ?? '',
    violations.join(', '),
  ];
  return cells.filter((cell) => cell !== '').join('  ');
}

/** The worst attacks, worst first. */
export function worstOf(findings: readonly Finding[], count: number): Finding[] {
  return [...findings].sort((a, b) => harm(b) - harm(a)).slice(0, count);
}

/** Rows for the table in docs/security.md: the worst figures of each family, alone and 50 at once. */
export function markdownOf(findings: readonly Finding[]): string {
  const families = Map.groupBy(findings, ({ family }) => family);
  const rows = [...families].map(([family, all]) => {
    const alone = all.filter(({ attack }) => attack.atOnce < AT_ONCE);
    const together = all.filter(({ attack }) => attack.atOnce === AT_ONCE);
    return `| ${family} | ${cellOf(alone)} | ${cellOf(together)} |`;
  });
  return ['| Kind of request | Alone, now | 50 at once, now |', '|---|---|---|', ...rows].join('\n');
}

/** The worst CPU time for each request, and the most memory. */
function cellOf(findings: readonly Finding[]): string {
  const all = findings.map(({ measured }) => measured);
  if (all.length === 0) return '';
  if (all.some(({ fate }) => fate === 'ended')) return 'ends the process';
  if (all.some(({ fate }) => fate === 'endless')) return 'stops the process';
  const [mainMs, addedMb] = [Math.max(...all.map((one) => one.mainMs)), Math.max(...all.map((one) => one.addedMb))];
  return `${(mainMs / 1_000).toFixed(2)} s, ${Math.round(addedMb)} MB`;
}
