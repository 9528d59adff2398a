import type { Destination } from './destination.ts';
import type { Counts } from './ledger.ts';
import type { ImportOptions } from './options.ts';
import type { Input } from './rows.ts';
import type { RunResult } from './run.ts';

const BAR = 24;
/** ms between two updates of the bar, and between two lines without a terminal. */
const BAR_MS = 200;
const LINE_MS = 10_000;
/** Returns to the start of the line and clears it. */
const CLEAR = '\r\x1b[2K';

/** Shows the progress on standard error. `part` returns the settled part of the input, 0 to 1; undefined if it is unknown. */
export function createProgress(silent: boolean, part: () => number | undefined) {
  /** A terminal without rows cannot show a bar. */
  const bar = process.stderr.isTTY && process.stderr.rows !== 0;
  let counts: Counts = { rows: 0, upserted: 0, rejected: 0, notAttempted: 0, unknown: 0 };
  let start: number | undefined;
  /** Rows that an earlier run settled. */
  let before = 0;
  let isShown = false;
  let printed = '';

  function show(): void {
    if (start === undefined) return;
    const seconds = (performance.now() - start) / 1_000;
    const line = renderProgress(counts, seconds, before, bar, part());
    process.stderr.write(bar ? CLEAR + line.slice(0, process.stderr.columns - 1 || undefined) : `${line}\n`);
    isShown = bar;
  }

  function clear(): void {
    if (isShown) process.stderr.write(CLEAR);
    isShown = false;
  }

  const timer = silent ? undefined : setInterval(show, bar ? BAR_MS : LINE_MS).unref();
  return {
    update(now: Counts): void {
      if (start === undefined) before = now.rows;
      start ??= performance.now();
      counts = now;
    },
    /** Prints a line above the bar, unless it says the same as the one before. */
    print(text: string): void {
      if (text === printed) return;
      clear();
      process.stderr.write(`${text}\n`);
      printed = text;
    },
    end(): void {
      clearInterval(timer);
      clear();
    },
    counts: () => counts,
  };
}

/** Returns one line: progress, rate, outcomes and estimated time left. */
export function renderProgress(counts: Counts, seconds: number, before: number, bar: boolean, part = Number.NaN) {
  const rate = (counts.rows - before) / Math.max(seconds, 0.001);
  const columns = [`${grouped(counts.rows)} rows`, `${grouped(rate)}/s`, outcomesOf(counts)];
  if (part >= 0) {
    const full = Math.round(part * BAR);
    const percent = `${Math.floor(part * 100)} %`;
    columns.unshift(bar ? `${'█'.repeat(full)}${'░'.repeat(BAR - full)} ${percent}` : percent);
  }
  if (part > 0 && part < 1 && rate > 0) {
    // Excludes the rows that an earlier run settled, which took no time in this run.
    const own = part * (1 - before / counts.rows);
    columns.push(`${duration((seconds * (1 - part)) / own)} left`);
  }
  return columns.join('  ');
}

/** Returns the outcomes that occurred, as in `900 upserted, 3 rejected`. */
export function outcomesOf({ upserted, rejected, notAttempted, unknown }: Counts): string {
  const others = Object.entries({ rejected, 'not sent': notAttempted, unknown }).filter(([, count]) => count > 0);
  return [`${grouped(upserted)} upserted`, ...others.map(([name, count]) => `${grouped(count)} ${name}`)].join(', ');
}

/** Rounds a number, and formats it with thousands separators. */
function grouped(value: number): string {
  return Math.round(value).toLocaleString('en');
}

/** Formats seconds as `12 s`, `3 min 20 s` or `2 h 5 min`. */
function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
}

/** What an import has done. */
type Summary = ReturnType<typeof summarize>;

/** @param resumedRows rows that an earlier run settled or upserted */
export function summarize(
  { resource, file, dryRun, queue, journal }: ImportOptions,
  { source: { format, encoding, separator }, mapping, notes, decimal }: Input,
  { counts, reason, failure }: RunResult,
  destination: Destination | undefined,
  resumedRows: number,
  rejectsPath: string,
  start: number,
) {
  return {
    ...{ resource, file, dryRun, queue, ...counts, complete: reason === null, reason, failure, resumedRows },
    /** Calls of this run; with `dryRun`, the minimum that the import would take. */
    requests: destination?.requests ?? 0,
    seconds: Math.round(performance.now() - start) / 1_000,
    ...{ format, encoding, separator: format === 'csv' ? separator : null, decimal: decimal ?? null },
    /** Field or attribute by column; of NDJSON by name, those of the first rows. */
    columns: Object.fromEntries(mapping.map(({ column, place }) => [column, place])),
    near: Object.fromEntries(mapping.flatMap(({ column, near }) => (near === undefined ? [] : [[column, near]]))),
    /** Number of values that were changed, by the change. */
    changed: Object.fromEntries(notes),
    rejects: counts.rejected > 0 ? rejectsPath : null,
    journal,
  };
}

/** Returns the exit code, as in docs/import.md. */
export function exitCodeOf({ failure, complete, dryRun, rejected, unknown, notAttempted }: Summary): number {
  if (failure === 'unreachable') return 3;
  if (failure === 'refused') return 4;
  return complete && rejected + unknown + (dryRun ? 0 : notAttempted) === 0 ? 0 : 1;
}

/** Renders the summary as text. `goOn` says how to continue an import that is not complete. */
export function renderSummary(summary: Summary, goOn: string): string {
  const { dryRun, seconds, resumedRows, rejects, rows, rejected, notAttempted, unknown } = summary;
  const lines: string[] = [];
  const line = (name: string, value: string): void => void lines.push(`${name.padEnd(13)}${value}`);
  line('rows', grouped(rows) + (resumedRows > 0 ? ` (${grouped(resumedRows)} from an earlier run)` : ''));
  line(dryRun ? 'valid' : 'upserted', grouped(dryRun ? notAttempted : summary.upserted));
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
    const how = dryRun ? `${summary.file}; ${rejects} has them` : `${rejects} and import it with the same options`;
    lines.push('', `Fix the rows in ${how}. The column _reason has the problems.`);
  }
  return `${lines.join('\n')}\n`;
}

/** Renders what each column sets, with its first value, and the fields that unknown columns resemble. */
export function renderMapping(mapping: Input['mapping']): string {
  const columns = Math.max(...mapping.map(({ column }) => column.length));
  const places = Math.max(...mapping.map(({ place }) => place.length));
  const lines = mapping.map(({ column, place, first }) => {
    const value = JSON.stringify(first);
    const shown = value.length > 40 ? `${value.slice(0, 40)}…` : value;
    return `  ${column.padEnd(columns)}  -> ${place.padEnd(places)}  ${first === '' ? '(empty)' : shown}`;
  });
  for (const { column, near } of mapping) if (near !== undefined) lines.push(renderNear(column, near));
  return lines.join('\n');
}

function renderNear(column: string, near: string): string {
  return `"${column}" becomes an attribute. If it is ${near}: --map '${near}=${column}'`;
}
