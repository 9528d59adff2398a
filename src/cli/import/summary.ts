import type { Counts } from './journal.ts';
import { duration, grouped } from './progress.ts';

/** What `--json` gives. */
export interface Summary extends Counts {
  readonly resource: string;
  readonly file: string;
  readonly dryRun: boolean;
  /** Whether workers sent the rows. */
  readonly queue: boolean;
  /** Whether every row of the input was settled. */
  readonly complete: boolean;
  /** Why not. */
  readonly reason: string | null;
  /** Rows that an earlier run had settled or known to be in. */
  readonly resumedRows: number;
  /** REST calls of this run; with `dryRun`, that it would take at least. */
  readonly requests: number;
  readonly seconds: number;
  readonly format: string;
  readonly encoding: string;
  readonly separator: string | null;
  /** Where each column went; null for NDJSON. */
  readonly columns: Readonly<Record<string, string>> | null;
  /** Path; null when no row was rejected. */
  readonly rejects: string | null;
  readonly journal: string | null;
}

/** The exit code: 0 when every row is in, or with `dryRun` could go in. */
export function exitCodeOf(summary: Summary): 0 | 1 {
  const { complete, rejected, notAttempted, unknown, dryRun } = summary;
  return complete && rejected === 0 && unknown === 0 && (dryRun || notAttempted === 0) ? 0 : 1;
}

/** The summary for people. */
export function renderSummary(summary: Summary): string {
  const { rows, upserted, rejected, notAttempted, unknown, requests, seconds, resumedRows } = summary;
  const lines: string[] = [];
  const line = (name: string, value: string): void => void lines.push(`${name.padEnd(13)}${value}`);
  line('rows', grouped(rows) + (resumedRows > 0 ? ` (${grouped(resumedRows)} of them by an earlier run)` : ''));
  if (summary.dryRun) line('could go in', grouped(notAttempted));
  else line('in', grouped(upserted));
  line('rejected', grouped(rejected) + (summary.rejects ? `, in ${summary.rejects}` : ''));
  if (!summary.dryRun && notAttempted > 0) line('not sent', grouped(notAttempted));
  if (unknown > 0) line('unknown', `${grouped(unknown)} (sent without an answer)`);
  line('calls', summary.dryRun ? `${grouped(requests)} at least; nothing was sent` : grouped(requests));
  const rate = Math.round((rows - resumedRows) / Math.max(seconds, 0.001));
  line('time', `${duration(seconds)}, ${grouped(Math.max(0, rate))} rows/s`);
  if (!summary.complete) {
    lines.push('', `Not finished: ${summary.reason}`);
    if (summary.journal)
      lines.push(`The same command with ${summary.queue ? '--watch' : '--resume'} goes on from here.`);
  }
  if (summary.rejects && rejected > 0) {
    lines.push('', `Mend ${summary.rejects} and import it with the same options; _reason says what is wrong.`);
  }
  return `${lines.join('\n')}\n`;
}
