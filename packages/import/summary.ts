import type { Destination } from './destination.ts';
import type { ImportOptions } from './options.ts';
import { duration, grouped } from './progress.ts';
import type { Mapping, openInput } from './rows.ts';
import type { RunResult } from './run.ts';

/** What an import has done. */
type Summary = ReturnType<typeof summarize>;

/**
 * @param destination undefined if nothing was left to send
 * @param resumedRows rows that an earlier run settled or upserted
 * @param rejectsPath path of the rejects, if there are any
 * @param start `performance.now()` at the start
 */
export function summarize(
  { resource, file, dryRun, queue, journal }: ImportOptions,
  { source, mapping, notes, decimal }: Awaited<ReturnType<typeof openInput>>,
  { counts, ...result }: RunResult,
  destination: Destination | undefined,
  resumedRows: number,
  rejectsPath: string,
  start: number,
) {
  const { format, encoding, separator } = source;
  return {
    ...{ resource, file, dryRun, queue, ...counts, ...result, resumedRows },
    /** REST calls of this run; with `dryRun`, the minimum that the import would take. */
    requests: destination?.requests ?? 0,
    seconds: Math.round(performance.now() - start) / 1_000,
    ...{ format, encoding, separator: format === 'csv' ? separator : null, decimal: decimal ?? null },
    /** Field or attribute by column; of NDJSON by name, those of the first rows. */
    columns: Object.fromEntries(mapping.map(({ column, place }) => [column, place])),
    /** Fields that unknown columns resemble, by column. */
    near: Object.fromEntries(mapping.flatMap(({ column, near }) => (near === undefined ? [] : [[column, near]]))),
    /** Number of values that were changed, by the change. */
    changed: Object.fromEntries(notes),
    rejects: counts.rejected > 0 ? rejectsPath : null,
    journal,
  };
}

/**
 * Returns the exit code: 0 when every row is upserted, or valid with `dryRun`; 3 when the API or the gateway could not be
 * reached; 4 when it refused the key or the token; else 1.
 */
export function exitCodeOf({ failure, complete, dryRun, rejected, unknown, notAttempted }: Summary): number {
  if (failure === 'unreachable') return 3;
  if (failure === 'refused') return 4;
  return complete && rejected === 0 && unknown === 0 && (dryRun || notAttempted === 0) ? 0 : 1;
}

/**
 * Renders the summary as text.
 * @param goOn how to continue an import that is not complete
 */
export function renderSummary(summary: Summary, goOn: string): string {
  const { dryRun, seconds, resumedRows, rejects, rows, upserted, rejected, notAttempted, unknown } = summary;
  const lines: string[] = [];
  const line = (name: string, value: string): void => void lines.push(`${name.padEnd(13)}${value}`);
  line('rows', grouped(rows) + (resumedRows > 0 ? ` (${grouped(resumedRows)} from an earlier run)` : ''));
  if (dryRun) line('valid', grouped(notAttempted));
  else line('upserted', grouped(upserted));
  line('rejected', grouped(rejected) + (rejects ? `, in ${rejects}` : ''));
  if (!dryRun && notAttempted > 0) line('not sent', grouped(notAttempted));
  if (unknown > 0) line('unknown', `${grouped(unknown)} (sent, but the API did not answer)`);
  line('calls', grouped(summary.requests) + (dryRun ? ' at least; nothing was sent' : ''));
  const rate = Math.max(0, rows - resumedRows) / Math.max(seconds, 0.001);
  line('time', `${duration(seconds)}, ${grouped(rate)} rows/s`);
  for (const [what, count] of Object.entries(summary.changed)) line('changed', `${grouped(count)} ${what}`);
  const columns = Object.entries(summary.columns).filter(([, place]) => place !== 'nothing');
  line('columns', columns.map(([column, place]) => (column === place ? column : `${column} -> ${place}`)).join(', '));
  for (const [column, near] of Object.entries(summary.near)) line('', renderNear(column, near));
  if (!summary.complete) {
    lines.push('', `Not finished: ${summary.reason}`, `The rest of the input is not sent. ${goOn}`);
  } else if (rejects) {
    const how = dryRun
      ? `in ${summary.file}; ${rejects} has them`
      : `in ${rejects} and import it with the same options`;
    lines.push('', `Fix the rows ${how}. The column _reason has the problems.`);
  }
  return `${lines.join('\n')}\n`;
}

/** Characters of a first value that are shown. */
const SHOWN = 40;

/** Renders what each column sets, with its first value, and the fields that unknown columns resemble. */
export function renderMapping(mapping: readonly Mapping[]): string {
  const columns = Math.max(...mapping.map(({ column }) => column.length));
  const places = Math.max(...mapping.map(({ place }) => place.length));
  const lines = mapping.map(({ column, place, first }) => {
    const value = JSON.stringify(first);
    const shown = value.length > SHOWN ? `${value.slice(0, SHOWN)}…` : value;
    return `  ${column.padEnd(columns)}  -> ${place.padEnd(places)}  ${first === '' ? '(empty)' : shown}`;
  });
  for (const { column, near } of mapping) if (near !== undefined) lines.push(renderNear(column, near));
  return lines.join('\n');
}

function renderNear(column: string, near: string): string {
  return `"${column}" becomes an attribute. If it is ${near}: --map '${near}=${column}'`;
}
