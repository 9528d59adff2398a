import { setImmediate } from 'node:timers/promises';
import { prepareItem, unsent } from '../../src/datatrics/bulk/items.ts';
import type { Resource } from '../../src/datatrics/endpoints.ts';
import { isObject } from '../../src/datatrics/records/fields.ts';
import { readJson } from '../../src/lib/digits.ts';
import { splitRow } from './cells.ts';
import { type Columns, REJECT_COLUMNS, type Slot } from './columns.ts';
import { type Converted, type Converter, isUnwritable } from './convert.ts';
import { Sendable } from './destination.ts';
import { Block, type Frame, framesOf } from './frame.ts';
import { type RowProblem, UsageError } from './problem.ts';
import type { Spelled, Speller } from './spell.ts';

/** One row: its item to send, or the problems that prevent it. */
export interface Row {
  /** As in `Frame`. */
  readonly row: number;
  readonly block: Block;
  readonly start: number;
  readonly end: number;
  /** Cells of the row; null in NDJSON or if the row could not be split; undefined: split the text again. */
  readonly cells: readonly string[] | null | undefined;
  /** Null if the row cannot be sent. */
  readonly item: Sendable | null;
  readonly problems: readonly RowProblem[];
}

export interface RowOptions {
  readonly resource: Resource;
  readonly format: 'csv' | 'ndjson';
  readonly separator: string;
  readonly columns: Columns;
  readonly converter: Converter;
  /** Null for a gateway, which needs the mutation inputs. Only the converter makes them. */
  readonly speller: Speller | null;
  /** Maximum of one row, in bytes. */
  readonly maxRowBytes: number;
  /** IANA zone of the API's times. */
  readonly timeZone: string;
  /** Columns that the header must have. */
  readonly mapped: readonly string[];
  /** Whether each row must name its source. */
  readonly needsSource: boolean;
}

/** A header with the slots of its columns. */
export interface Header {
  readonly columns: readonly string[];
  readonly slots: readonly Slot[];
  /** Index of the column with rows that could not be split; -1: none. */
  readonly rawAt: number;
}

/** Rows converted before the reader yields to the event loop, so that calls in flight do not wait for a whole batch. */
const ROWS_PER_TURN = 64;

/** Converts frames to rows. For CSV, `begin` sets `header`. */
export class RowReader {
  header: Header | null = null;
  /** Rows read so far, including the skipped ones. */
  read = 0;
  readonly #options: RowOptions;
  #spellCells: ((cells: readonly string[]) => Spelled | null) | null = null;

  constructor(options: RowOptions) {
    this.#options = options;
  }

  /**
   * Reads the header of CSV. Returns the remaining frames.
   * @throws UsageError for an invalid header
   */
  async begin(batches: AsyncGenerator<Frame[]>): Promise<AsyncIterable<Frame[]>> {
    if (this.#options.format === 'ndjson') return batches;
    const first = await batches.next();
    const header = first.done ? undefined : first.value.shift();
    if (!header) throw new UsageError('The file has no header: it is empty.');
    this.header = this.#readHeader(header);
    this.#spellCells = this.#options.speller?.forHeader(this.header.slots) ?? null;
    async function* rest(): AsyncGenerator<Frame[]> {
      yield first.value as Frame[];
      yield* batches;
    }
    return rest();
  }

  /** Returns what a column sets, for the summary: a field, `attributes.NAME` or `nothing`. */
  placeOf(column: number): string {
    const slot = this.header?.slots[column];
    if (slot?.as === 'attribute') return `attributes.${slot.name}`;
    return slot && 'name' in slot ? slot.name : (slot?.as ?? 'nothing');
  }

  /** Yields rows in batches. @param after number of the last row to skip */
  async *rows(batches: AsyncIterable<Frame[]>, after: number): AsyncGenerator<Row[]> {
    for await (const batch of batches) {
      this.read += batch.length;
      const wanted = (batch[0]?.row ?? 0) > after ? batch : batch.filter(({ row }) => row > after);
      for (let at = 0; at < wanted.length; at += ROWS_PER_TURN) {
        const rows: Row[] = [];
        for (let end = Math.min(wanted.length, at + ROWS_PER_TURN), i = at; i < end; i++) {
          rows.push(this.#toRow(wanted[i] as Frame));
        }
        yield rows;
        await setImmediate();
      }
    }
  }

  #toRow(frame: Frame): Row {
    if (frame.problem) return toRow(frame, null, null, [frame.problem]);
    const text = frame.block.text(frame.start, frame.end);
    return this.header ? this.#ofCsv(frame, text, this.header) : this.#ofJson(frame, text);
  }

  #ofJson(frame: Frame, text: string): Row {
    const { speller, converter } = this.#options;
    const spelled = speller && spellJson(speller, text);
    if (spelled) return toRow(frame, null, toItem(frame, spelled), NO_PROBLEMS);
    return this.#convert(frame, null, converter.ofJson(text.trimEnd()));
  }

  #ofCsv(frame: Frame, text: string, { columns, slots, rawAt }: Header): Row {
    const cells = splitRow(text, this.#options.separator);
    if (cells.length !== columns.length) return toRow(frame, null, null, [widthProblem(cells, columns)]);
    const spelled = this.#spellCells?.(cells);
    if (spelled) return toRow(frame, undefined, toItem(frame, spelled), NO_PROBLEMS);
    const raw = rawAt === -1 ? '' : (cells[rawAt] as string);
    if (raw !== '') return this.#ofRaw(frame, raw, columns, slots);
    return this.#convert(frame, cells, this.#options.converter.ofCells(cells, columns, slots));
  }

  /** Reads a rejected row that could not be split before. The user may have fixed it in the `_raw` column. */
  #ofRaw(outer: Frame, raw: string, columns: readonly string[], slots: readonly Slot[]): Row {
    const bytes = Buffer.from(raw);
    const frame = { row: outer.row, block: new Block(bytes), start: 0, end: bytes.length };
    const [inner, ...more] = framesOf(raw, { ...this.#options, format: 'csv' });
    if (!inner || inner.problem || more.length > 0) {
      return toRow(frame, null, null, [{ code: 'MALFORMED', message: `${REJECT_COLUMNS.raw} is not one row of CSV.` }]);
    }
    if (raw.includes(LOST)) {
      const message = `${REJECT_COLUMNS.raw} still has U+FFFD in place of lost characters.`;
      return toRow(frame, null, null, [{ code: 'MALFORMED', message }]);
    }
    const cells = splitRow(raw, this.#options.separator);
    const own = columns.filter((name) => !REJECT_NAMES.has(name));
    const isWhole = cells.length === columns.length;
    if (!isWhole && cells.length !== own.length) return toRow(frame, null, null, [widthProblem(cells, own)]);
    let next = 0;
    const merged = isWhole ? cells : columns.map((name) => (REJECT_NAMES.has(name) ? '' : (cells[next++] as string)));
    return this.#convert(outer, merged, this.#options.converter.ofCells(merged, columns, slots));
  }

  #convert(frame: Frame, cells: readonly string[] | null, converted: Converted): Row {
    if ('problems' in converted) return toRow(frame, cells, null, converted.problems);
    const { resource, speller } = this.#options;
    const { result, pending } = prepareItem(resource, converted.input, this.#options, frame.row);
    const input = speller === null ? converted.input : null;
    const item = pending && new Sendable(pending.key, pending.json, result, input);
    return toRow(frame, cells, item, result.problems);
  }

  #readHeader(frame: Frame): Header {
    const { columns: known, resource, mapped, needsSource } = this.#options;
    const { problem } = frame;
    if (problem) throw new UsageError(`The header is invalid: ${problem.message}`);
    const text = frame.block.text(frame.start, frame.end);
    const columns = splitRow(text, this.#options.separator).map((name) => name.trim());
    const slots = columns.map((name) => (name === '' ? ({ as: 'nothing' } as const) : known.slotOf(name)));
    const unknown = columns.filter((_, at) => slots[at] === null);
    if (unknown.length > 0) {
      throw new UsageError(
        `No field matches the columns ${unknown.join(', ')} (--strict). Map them with --map, or skip them with --ignore.`,
      );
    }
    const missing = mapped.filter((name) => !columns.includes(name));
    if (missing.length > 0) {
      throw new UsageError(`--map or --ignore names ${missing.join(', ')}; the file has ${columns.join(', ')}.`);
    }
    checkUnique(columns, slots as Slot[]);
    const has = (name: string): boolean =>
      slots.some((slot) => slot?.as === 'record' || (slot?.as === 'field' && slot.name === name));
    if (!has(`${resource}Id`)) {
      throw new UsageError(
        `No column has the ${resource}Id; the file has ${columns.join(', ')}. Map one with --map ${resource}Id=COLUMN.`,
      );
    }
    if (needsSource && !has('source')) {
      throw new UsageError(
        'No column has the source: give one for all rows with --source, or map a column with --map source=COLUMN.',
      );
    }
    return { columns, slots: slots as Slot[], rawAt: slots.findIndex((slot) => slot?.as === 'raw') };
  }
}

/** Replaces what a file of rejects cannot contain: invalid UTF-8, NUL, and the rest of an oversized row. */
export const LOST = '\u{FFFD}';

const REJECT_NAMES: ReadonlySet<string> = new Set(Object.values(REJECT_COLUMNS));

/** @throws UsageError for two columns that set the same field or attribute */
function checkUnique(columns: readonly string[], slots: readonly Slot[]): void {
  const seen = new Map<string, string>();
  slots.forEach((slot, at) => {
    if (slot.as === 'nothing') return;
    const name = 'name' in slot ? `${slot.as} ${slot.name}` : slot.as;
    const before = seen.get(name);
    if (before !== undefined) {
      throw new UsageError(
        `The columns ${before} and ${columns[at]} both set ${name}: skip one with --ignore, or map it with --map.`,
      );
    }
    seen.set(name, columns[at] as string);
  });
}

/** Returns null for a line that only the converter can handle. */
function spellJson(speller: Speller, text: string): Spelled | null {
  let value: unknown;
  try {
    value = readJson(text);
  } catch {
    return null;
  }
  return isObject(value) && !isUnwritable(text, value) ? speller.ofRecord(value, !text.includes('\\')) : null;
}

function toItem({ row }: Frame, { key, json }: Spelled): Sendable {
  return new Sendable(key, json, unsent(row), null);
}

function toRow(
  { row, block, start, end }: Omit<Frame, 'problem'>,
  cells: Row['cells'],
  item: Sendable | null,
  problems: readonly RowProblem[],
): Row {
  return { row, block, start, end, cells, item, problems };
}

const NO_PROBLEMS: readonly RowProblem[] = [];

function widthProblem(cells: readonly string[], columns: readonly string[]): RowProblem {
  return {
    code: 'MALFORMED',
    message: `The row has ${cells.length} columns; the header has ${columns.length}.`,
  };
}
