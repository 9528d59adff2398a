import { AT_ONCE, type Finding, harm } from './run.ts';

/** A line of the table that is printed while attacks run. */
export function lineOf({
  family,
  round,
  what,
  atOnce,
  requests,
  sentBytes,
  answerBytes,
  outcome,
  message,
  measured,
  violations,
}: Finding) {
  const cells = [
    violations.length > 0 ? 'FAIL' : 'ok',
    `${Math.round(measured.mainMs)} ms`.padStart(9),
    `${Math.round(measured.allMs)} ms`.padStart(9),
    `${Math.round(measured.addedMb)} MB`.padStart(8),
    `${kb(sentBytes / requests)} → ${kb(answerBytes / requests)}`.padStart(20),
    requests === 1 ? '' : `${requests} requests, ${atOnce} at once`,
    `${family} #${round}: ${what}`,
    `[${outcome}]`,
    message ?? '',
    violations.join(', '),
  ];
  return cells.filter((cell) => cell !== '').join('  ');
}

const kb = (bytes: number): string => `${(bytes / 1_000).toFixed(bytes < 10_000 ? 1 : 0)} kB`;

/** The worst attacks, worst first. */
export function worstOf(findings: readonly Finding[], count: number): Finding[] {
  return [...findings].sort((a, b) => harm(b) - harm(a)).slice(0, count);
}

/** Columns of the table in docs/security.md: figures before the limits that they led to, and now. */
export type Column = 'before' | 'after';

/**
 * The table in markdown, with these findings in one column; the other one stays as it is in `present`.
 * @param present the page with the table of earlier findings
 */
export function markdownOf(findings: readonly Finding[], column: Column, present: string): string {
  const earlier = new Map(
    [...present.matchAll(/^\| (.+?) \| (.*?) \| (.*?) \| (.*?) \| (.*?) \|$/gm)].map(([, family, ...cells]) => [
      family,
      cells,
    ]),
  );
  const rows = [...new Set(findings.map(({ family }) => family))].map((family) => {
    const cells = earlier.get(family) ?? ['', '', '', ''];
    const at = column === 'before' ? 0 : 2;
    const of = findings.filter((finding) => finding.family === family);
    cells[at] = cellOf(of.filter(({ atOnce }) => atOnce < AT_ONCE));
    cells[at + 1] = cellOf(of.filter(({ atOnce }) => atOnce === AT_ONCE));
    return `| ${family} | ${cells.join(' | ')} |`;
  });
  return [
    '| Kind of request | Alone, before | 50 at once, before | Alone, now | 50 at once, now |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n');
}

/** The worst CPU time for each request, and the most memory. */
function cellOf(findings: readonly Finding[]): string {
  if (findings.length === 0) return '';
  if (findings.some(({ measured }) => measured.fate === 'ended')) return 'ends the process';
  if (findings.some(({ measured }) => measured.fate === 'endless')) return 'stops the process';
  const most = (of: (finding: Finding) => number): number => Math.max(...findings.map(of));
  return `${(most(({ measured }) => measured.mainMs) / 1_000).toFixed(2)} s, ${Math.round(most(({ measured }) => measured.addedMb))} MB`;
}
