import { createLogUpdate } from 'log-update';
import type { Counts } from './journal.ts';

const BAR = 24;
/** ms between two pictures of the bar, and between two lines where there is no terminal. */
const BAR_MS = 200;
const LINE_MS = 10_000;

export interface ProgressOptions {
  /** Mostly standard error, so that standard output holds the summary only. */
  readonly stream: NodeJS.WriteStream;
  readonly silent: boolean;
  /** Bytes or rows of the input; undefined when nobody knows. */
  readonly size: number | undefined;
  /** Of these, what is settled; not what was read, which may be all of a small file. */
  readonly done: () => number;
  /** Rows that an earlier run had settled. */
  readonly before: number;
}

/** Shows how far an import is: a bar on a terminal, else a line every 10 s. */
export class ProgressBar {
  readonly #options: ProgressOptions;
  readonly #start = performance.now();
  readonly #isBar: boolean;
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #draw: (text: string) => void;
  readonly #finish: () => void;
  #counts: Counts | null = null;

  constructor(options: ProgressOptions) {
    this.#options = options;
    const { stream, silent } = options;
    // One without a size has no place to draw on.
    this.#isBar = stream.isTTY === true && stream.rows !== 0;
    if (this.#isBar) {
      const update = createLogUpdate(stream);
      this.#draw = update;
      this.#finish = () => update.clear();
    } else {
      this.#draw = (text) => void stream.write(`${text}\n`);
      this.#finish = () => undefined;
    }
    if (silent) return;
    this.#timer = setInterval(() => this.#show(), this.#isBar ? BAR_MS : LINE_MS);
    this.#timer.unref();
  }

  update(counts: Counts): void {
    this.#counts = counts;
  }

  end(): void {
    clearInterval(this.#timer);
    this.#finish();
  }

  #show(): void {
    if (!this.#counts) return;
    const { size, done, before } = this.#options;
    const seconds = (performance.now() - this.#start) / 1_000;
    this.#draw(
      renderProgress({
        counts: this.#counts,
        seconds,
        before,
        part: size === undefined ? undefined : Math.min(1, done() / Math.max(1, size)),
        bar: this.#isBar,
      }),
    );
  }
}

/** One line: how far, how fast, with which outcomes, and how long it will take. */
export function renderProgress(state: {
  readonly counts: Counts;
  readonly seconds: number;
  readonly before: number;
  /** Of the input, 0 to 1; undefined when its size is unknown. */
  readonly part: number | undefined;
  readonly bar: boolean;
}): string {
  const { counts, seconds, before, part, bar } = state;
  const rate = (counts.rows - before) / Math.max(seconds, 0.001);
  const words: string[] = [];
  if (part !== undefined) {
    const full = Math.round(part * BAR);
    const percent = `${Math.floor(part * 100)} %`;
    words.push(bar ? `${'█'.repeat(full)}${'░'.repeat(BAR - full)} ${percent}` : percent);
  }
  words.push(`${grouped(counts.rows)} rows`, `${grouped(Math.round(rate))}/s`, outcomesOf(counts));
  if (part !== undefined && part > 0 && part < 1 && rate > 0) {
    // What an earlier run had settled took no time of this one.
    const own = part * (1 - before / counts.rows);
    words.push(`${duration((seconds * (1 - part)) / own)} left`);
  }
  return words.join('  ');
}

/** «900 in, 3 rejected»; what there is none of is left out. */
export function outcomesOf({ upserted, rejected, notAttempted, unknown }: Counts): string {
  const words = [`${grouped(upserted)} in`];
  if (rejected > 0) words.push(`${grouped(rejected)} rejected`);
  if (notAttempted > 0) words.push(`${grouped(notAttempted)} not sent`);
  if (unknown > 0) words.push(`${grouped(unknown)} unknown`);
  return words.join(', ');
}

/** A whole number with its thousands apart. */
export function grouped(value: number): string {
  return value.toLocaleString('en');
}

/** Seconds as `12 s`, `3 min 20 s` or `2 h 5 min`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
}
