import type { Failure } from './destination.ts';
import type { Counts } from './journal.ts';
import { duration, grouped } from './progress.ts';

/** The output of `--json`. */
export interface Summary extends Counts {
  readonly resource: string;
  readonly file: string;
  readonly dryRun: boolean;
  /** Whether workers sent the rows. */
  readonly queue: boolean;
  /** Whether every row of the input is settled. */
  readonly complete: boolean;
  /** Why not; null when complete. */
  readonly reason: string | null;
  /** The kind of failure that ended the import; null if none did. */
  readonly failure: Failure['kind'] | null;
  /** Rows that an earlier run settled or upserted. */
  readonly resumedRows: number;
  /** REST calls of this run; with `dryRun`, the minimum that the import would take. */
  readonly requests: number;
  readonly seconds: number;
  readonly format: string;
  readonly encoding: string;
  readonly separator: string | null;
  /** Decimal separator; null if the file proves none. */
  readonly decimal: string | null;
  /** Field or attribute by column; of NDJSON by name, those of the first rows. */
  readonly columns: Readonly<Record<string, string>>;
  /** Fields that unknown columns resemble, by column. */
  readonly near: Readonly<Record<string, string>>;
  /** Number of values that were changed, by the change. */
  readonly changed: Readonly<Record<string, number>>;
  /** Path of the rejects; null when no row was rejected. */
  readonly rejects: string | null;
  readonly journal: string | null;
}

/**
 * Returns the exit code: 0 when every row is upserted, or valid with `dryRun`; 3 when the API or the gateway could not be
 * reached; 4 when it refused the key or the token; else 1.
 */
export function exitCodeOf(summary: Summary): number {
  if (summary.failure === 'unreachable') return 3;
  if (summary.failure === 'refused') return 4;
  const { complete, rejected, notAttempted, unknown, dryRun } = summary;
  return complete && rejected === 0 && unknown === 0 && (dryRun || notAttempted === 0) ? 0 : 1;
}

/** Renders the summary as text. */
export function renderSummary(summary: Summary, goOn: string): string {
  const { rows, upserted, rejected, notAttempted, unknown, requests, seconds, resumedRows } = summary;
  const lines: string[] = [];
  const line = (name: string, value: string): void => void lines.push(`${name.padEnd(13)}${value}`);
  line('rows', grouped(rows) + (resumedRows > 0 ? ` (${grouped(resumedRows)} from an earlier run)` : ''));
  if (summary.dryRun) line('valid', grouped(notAttempted));
  else line('upserted', grouped(upserted));
  line('rejected', grouped(rejected) + (summary.rejects ? `, in ${summary.rejects}` : ''));
  if (!summary.dryRun && notAttempted > 0) line('not sent', grouped(notAttempted));
  if (unknown > 0) line('unknown', `${grouped(unknown)} (sent, but the API did not answer)`);
  line('calls', summary.dryRun ? `${grouped(requests)} at least; nothing was sent` : grouped(requests));
  const rate = Math.round((rows - resumedRows) / Math.max(seconds, 0.001));
  line('time', `${duration(seconds)}, ${grouped(Math.max(0, rate))} rows/s`);
  for (const [what, count] of Object.entries(summary.changed)) line('changed', `${grouped(count)} ${what}`);
  const columns = Object.entries(summary.columns).filter(([, place]) => place !== 'nothing');
  line('columns', columns.map(([column, place]) => (column === place ? column : `${column} -> ${place}`)).join(', '));
  for (const [column, near] of Object.entries(summary.near)) {
    line('', `"${column}" is an attribute; if it is ${near}: --map '${near}=${column}'`);
  }
  if (!summary.complete) {
    lines.push('', `Not finished: ${summary.reason}`, `The rest of the input is not sent. ${goOn}`);
  }
  if (summary.rejects && rejected > 0) {
    lines.push(
      '',
      `Fix the rows in ${summary.rejects} and import it with the same options. The column _reason has the problems.`,
    );
  }
  return `${lines.join('\n')}\n`;
}
