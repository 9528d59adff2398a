import type { Counts } from './journal.ts';

const BAR = 24;
/** ms between two updates of the bar. */
const BAR_MS = 200;
/** ms between two lines without a terminal. */
const LINE_MS = 10_000;
/** Returns to the start of the line and clears it. */
const CLEAR = '\r\x1b[2K';

/**
 * Shows the progress on standard error: a bar on a terminal, else a line every 10 s.
 *
 * @param part returns the settled part of the input, 0 to 1; undefined if its size is unknown
 * @param before rows that an earlier run settled
 */
export function createProgress(silent: boolean, part: () => number | undefined, before: number) {
  const start = performance.now();
  /** A terminal without rows cannot show a bar. */
  const isBar = process.stderr.isTTY && process.stderr.rows !== 0;
  let counts: Counts | null = null;
  let isShown = false;

  function show(): void {
    if (!counts) return;
    const seconds = (performance.now() - start) / 1_000;
    const line = renderProgress({ counts, seconds, before, part: part(), bar: isBar });
    process.stderr.write(isBar ? CLEAR + line.slice(0, process.stderr.columns - 1 || undefined) : `${line}\n`);
    isShown = isBar;
  }

  function clear(): void {
    if (isShown) process.stderr.write(CLEAR);
    isShown = false;
  }

  const timer = silent ? undefined : setInterval(show, isBar ? BAR_MS : LINE_MS).unref();
  return {
    update(now: Counts): void {
      counts = now;
    },
    /** Prints a line above the bar. */
    print(text: string): void {
      clear();
      process.stderr.write(`${text}\n`);
    },
    end(): void {
      clearInterval(timer);
      clear();
    },
  };
}

/** Returns one line: progress, rate, outcomes and estimated time left. */
export function renderProgress(state: {
  readonly counts: Counts;
  readonly seconds: number;
  readonly before: number;
  /** Settled part of the input, 0 to 1; undefined if its size is unknown. */
  readonly part: number | undefined;
  readonly bar: boolean;
}): string {
  const { counts, seconds, before, bar } = state;
  const part = state.part === undefined ? undefined : Math.min(1, state.part);
  const rate = (counts.rows - before) / Math.max(seconds, 0.001);
  const columns = [`${grouped(counts.rows)} rows`, `${grouped(rate)}/s`, outcomesOf(counts)];
  if (part === undefined) return columns.join('  ');
  const full = Math.round(part * BAR);
  const percent = `${Math.floor(part * 100)} %`;
  columns.unshift(bar ? `${'█'.repeat(full)}${'░'.repeat(BAR - full)} ${percent}` : percent);
  if (part > 0 && part < 1 && rate > 0) {
    // Excludes the rows that an earlier run settled, which took no time in this run.
    const own = part * (1 - before / counts.rows);
    columns.push(`${duration((seconds * (1 - part)) / own)} left`);
  }
  return columns.join('  ');
}

/** Returns the outcomes that occurred, as in `900 upserted, 3 rejected`. */
export function outcomesOf({ upserted, rejected, notAttempted, unknown }: Counts): string {
  const words = [`${grouped(upserted)} upserted`];
  if (rejected > 0) words.push(`${grouped(rejected)} rejected`);
  if (notAttempted > 0) words.push(`${grouped(notAttempted)} not sent`);
  if (unknown > 0) words.push(`${grouped(unknown)} unknown`);
  return words.join(', ');
}

/** Rounds a number, and formats it with thousands separators. */
export function grouped(value: number): string {
  return Math.round(value).toLocaleString('en');
}

/** Formats seconds as `12 s`, `3 min 20 s` or `2 h 5 min`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
}
