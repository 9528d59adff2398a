import type { Counts } from './journal.ts';

const BAR = 24;
/** ms between two updates of the bar. */
const BAR_MS = 200;
/** ms between two lines without a terminal. */
const LINE_MS = 10_000;
/** Returns to the start of the line and clears it. */
const CLEAR = '\r\x1b[2K';

export interface ProgressOptions {
  readonly silent: boolean;
  /** Returns the settled part of the input, 0 to 1; undefined if its size is unknown. */
  readonly part: () => number | undefined;
  /** Rows that an earlier run settled. */
  readonly before: number;
}

/** Shows the progress on standard error: a bar on a terminal, else a line every 10 s. */
export class ProgressBar {
  readonly #options: ProgressOptions;
  readonly #start = performance.now();
  /** A terminal without rows cannot show a bar. */
  readonly #isBar = process.stderr.isTTY === true && process.stderr.rows !== 0;
  readonly #timer: NodeJS.Timeout | undefined;
  #counts: Counts | null = null;
  #isShown = false;

  constructor(options: ProgressOptions) {
    this.#options = options;
    if (options.silent) return;
    this.#timer = setInterval(() => this.#show(), this.#isBar ? BAR_MS : LINE_MS).unref();
  }

  update(counts: Counts): void {
    this.#counts = counts;
  }

  /** Prints a line above the bar. */
  print(text: string): void {
    process.stderr.write(`${this.#isShown ? CLEAR : ''}${text}\n`);
    this.#isShown = false;
  }

  end(): void {
    clearInterval(this.#timer);
    if (this.#isShown) process.stderr.write(CLEAR);
    this.#isShown = false;
  }

  #show(): void {
    if (!this.#counts) return;
    const { part, before } = this.#options;
    const seconds = (performance.now() - this.#start) / 1_000;
    const line = renderProgress({ counts: this.#counts, seconds, before, part: part(), bar: this.#isBar });
    process.stderr.write(this.#isBar ? CLEAR + line.slice(0, process.stderr.columns - 1 || undefined) : `${line}\n`);
    this.#isShown = this.#isBar;
  }
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
  const columns: string[] = [];
  if (part !== undefined) {
    const full = Math.round(part * BAR);
    const percent = `${Math.floor(part * 100)} %`;
    columns.push(bar ? `${'█'.repeat(full)}${'░'.repeat(BAR - full)} ${percent}` : percent);
  }
  columns.push(`${grouped(counts.rows)} rows`, `${grouped(Math.round(rate))}/s`, outcomesOf(counts));
  if (part !== undefined && part > 0 && part < 1 && rate > 0) {
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

/** Formats a whole number with thousands separators. */
export function grouped(value: number): string {
  return value.toLocaleString('en');
}

/** Formats seconds as `12 s`, `3 min 20 s` or `2 h 5 min`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
}
