import { setImmediate } from 'node:timers/promises';
import { parse } from 'csv-parse/sync';
import { type PreparedItem, prepareItem } from '../../bulk/items.ts';
import type { RecordInput } from '../../datatrics/encode.ts';
import type { Resource } from '../../datatrics/endpoints.ts';
import { type Columns, REJECT_COLUMNS, type Slot } from './columns.ts';
import type { Converter } from './convert.ts';
import type { Frame } from './frame.ts';
import { type RowProblem, UsageError } from './problem.ts';

/** One row: what is to be sent of it, or why it can't be. */
export interface Row {
  /** As `Frame.row`. */
  readonly row: number;
  readonly bytes: Buffer;
  /** Its columns; null where it could not be taken apart, and in NDJSON. */
  readonly cells: readonly string[] | null;
  readonly input: RecordInput | null;
  readonly item: PreparedItem | null;
  readonly problems: readonly RowProblem[];
}

export interface RowOptions {
  readonly resource: Resource;
  readonly format: 'csv' | 'ndjson';
  readonly separator: string;
  readonly columns: Columns;
  readonly converter: Converter;
  /** IANA zone of the API's times. */
  readonly timeZone: string;
  /** Columns that must be there. */
  readonly mapped: readonly string[];
  /** Whether rows need a source of their own. */
  readonly needsSource: boolean;
}

/** A header, and where its columns go. */
export interface Header {
  readonly columns: readonly string[];
  readonly slots: readonly Slot[];
}

/** Rows that are made before other work gets its turn: calls under way must not wait for a whole batch. */
const TURN = 32;

/** Makes rows of frames. `header` is known once the first row of CSV has been read. */
export class RowReader {
  header: Header | null = null;
  readonly #options: RowOptions;

  constructor(options: RowOptions) {
    this.#options = options;
  }

  /**
   * Reads the header of CSV; gives the rest.
   * @throws UsageError for a header that can not be
   */
  async begin(batches: AsyncGenerator<Frame[]>): Promise<AsyncIterable<Frame[]>> {
    if (this.#options.format === 'ndjson') return batches;
    const first = await batches.next();
    const header = first.done ? undefined : first.value.shift();
    if (!header) throw new UsageError('The file is empty: it has no header.');
    this.header = this.#readHeader(header);
    async function* rest(): AsyncGenerator<Frame[]> {
      yield first.value as Frame[];
      yield* batches;
    }
    return rest();
  }

  /** Where the values of a column go, in words. */
  placeOf(column: number): string {
    const slot = this.header?.slots[column];
    if (slot?.as === 'attribute') return `attributes.${slot.name}`;
    return slot && 'name' in slot ? slot.name : (slot?.as ?? 'nothing');
  }

  /** @param after rows up to this one are not looked into */
  async *rows(batches: AsyncIterable<Frame[]>, after: number): AsyncGenerator<Row> {
    const { format } = this.#options;
    let made = 0;
    for await (const batch of batches) {
      const wanted = after === 0 ? batch : batch.filter(({ row }) => row > after);
      const skipped = batch.length - wanted.length;
      for (let at = 0; at < skipped; at++) {
        const { row, bytes } = batch[at] as Frame;
        yield { row, bytes, cells: null, input: null, item: null, problems: [] };
      }
      for (const row of format === 'csv' ? this.#ofCsv(wanted) : this.#ofJson(wanted)) {
        yield row;
        if (++made % TURN === 0) await setImmediate();
      }
    }
  }

  *#ofJson(frames: readonly Frame[]): Generator<Row> {
    for (const frame of frames) {
      yield frame.problem
        ? rejected(frame, null, [frame.problem])
        : this.#make(frame, null, this.#options.converter.ofJson(frame.bytes.toString().trimEnd()));
    }
  }

  *#ofCsv(frames: readonly Frame[]): Generator<Row> {
    const { columns, slots } = this.header as Header;
    const good = frames.filter(({ problem }) => problem === null);
    const parsed = this.#parseAll(good);
    const raw = slots.findIndex(({ as }) => as === 'raw');
    let next = 0;
    for (const frame of frames) {
      if (frame.problem) {
        yield rejected(frame, null, [frame.problem]);
        continue;
      }
      const cells = parsed[next++] as readonly string[] | RowProblem;
      if ('code' in cells) yield rejected(frame, null, [cells]);
      else if (cells.length !== columns.length) yield rejected(frame, null, [widthProblem(cells, columns)]);
      else yield raw !== -1 && cells[raw] ? this.#ofRaw(frame, cells, raw) : this.#ofCells(frame, cells);
    }
  }

  #ofCells(frame: Frame, cells: readonly string[]): Row {
    const { columns, slots } = this.header as Header;
    return this.#make(frame, cells, this.#options.converter.ofCells(cells, columns, slots));
  }

  /** A row of rejects that could not be taken apart before: what stands in its own column may have been mended. */
  #ofRaw(frame: Frame, outer: readonly string[], raw: number): Row {
    const { columns } = this.header as Header;
    const text = { ...frame, bytes: Buffer.from(outer[raw] as string) };
    const [inner, ...more] = this.#parse(text.bytes);
    if (!inner || more.length > 0) {
      return rejected(text, null, [{ code: 'MALFORMED', message: `${REJECT_COLUMNS.raw} is not one row of CSV.` }]);
    }
    if (text.bytes.includes(LOST)) {
      const message = `${REJECT_COLUMNS.raw} holds U+FFFD still, where characters were lost.`;
      return rejected(text, null, [{ code: 'MALFORMED', message }]);
    }
    const own = columns.filter((name) => !REJECT_NAMES.has(name));
    if (inner.length === columns.length) return this.#ofCells(frame, inner);
    if (inner.length !== own.length) return rejected(text, null, [widthProblem(inner, own)]);
    let next = 0;
    const merged = columns.map((name) => (REJECT_NAMES.has(name) ? '' : (inner[next++] as string)));
    return this.#ofCells(frame, merged);
  }

  #make(frame: Frame, cells: readonly string[] | null, converted: ReturnType<Converter['ofJson']>): Row {
    if ('problems' in converted) return rejected(frame, cells, converted.problems);
    const { input } = converted;
    const item = prepareItem(this.#options.resource, input, this.#options, frame.row);
    return { row: frame.row, bytes: frame.bytes, cells, input, item, problems: item.result.problems };
  }

  /** All rows by one call of the parser; one by one where it sees them otherwise than they were cut. */
  #parseAll(frames: readonly Frame[]): (readonly string[] | RowProblem)[] {
    if (frames.length === 0) return [];
    const rows = this.#parse(Buffer.concat(frames.map(({ bytes }) => bytes)));
    if (rows.length === frames.length) return rows;
    return frames.map(({ bytes }) => {
      const [row, ...more] = this.#parse(bytes);
      return row && more.length === 0 ? row : { code: 'MALFORMED', message: 'It is no row of CSV.' };
    });
  }

  #parse(bytes: Buffer): string[][] {
    try {
      return parse(bytes, {
        delimiter: this.#options.separator,
        record_delimiter: ['\r\n', '\n'],
        relax_column_count: true,
      });
    } catch {
      return [];
    }
  }

  #readHeader(frame: Frame): Header {
    const { columns: known, resource, mapped, needsSource } = this.#options;
    const { problem } = frame;
    const [first] = problem ? [] : this.#parse(frame.bytes);
    if (!first) throw new UsageError(`The header can not be read: ${problem?.message ?? 'it is no row of CSV.'}`);
    const columns = first.map((name) => name.trim());
    const slots = columns.map((name) => (name === '' ? ({ as: 'nothing' } as const) : known.slotOf(name)));
    const unknown = columns.filter((_, at) => slots[at] === null);
    if (unknown.length > 0) {
      throw new UsageError(
        `There is no field for the columns ${unknown.join(', ')} (--strict). Name them with --map, or leave them out with --ignore.`,
      );
    }
    const missing = mapped.filter((name) => !columns.includes(name));
    if (missing.length > 0) {
      throw new UsageError(`--map or --ignore names ${missing.join(', ')}; the file has ${columns.join(', ')}.`);
    }
    checkTwice(columns, slots as Slot[]);
    const has = (name: string): boolean =>
      slots.some((slot) => slot?.as === 'record' || (slot?.as === 'field' && slot.name === name));
    if (!has(`${resource}Id`)) {
      throw new UsageError(
        `No column has the ${resource}Id; the file has ${columns.join(', ')}. Name it with --map ${resource}Id=COLUMN.`,
      );
    }
    if (needsSource && !has('source')) {
      throw new UsageError('No column has the source: give one for all rows with --source, or --map source=COLUMN.');
    }
    return { columns, slots: slots as Slot[] };
  }
}

/** Stands in rejects for what can't be written there: bytes that are no text, NUL, the rest of a row that is too large. */
export const LOST = '\u{FFFD}';

const REJECT_NAMES: ReadonlySet<string> = new Set(Object.values(REJECT_COLUMNS));

function checkTwice(columns: readonly string[], slots: readonly Slot[]): void {
  const seen = new Map<string, string>();
  slots.forEach((slot, at) => {
    if (slot.as === 'nothing') return;
    const name = 'name' in slot ? `${slot.as} ${slot.name}` : slot.as;
    const before = seen.get(name);
    if (before !== undefined) {
      throw new UsageError(
        `The columns ${before} and ${columns[at]} are the same ${name}: leave one out with --ignore, or name it with --map.`,
      );
    }
    seen.set(name, columns[at] as string);
  });
}

function rejected(frame: Frame, cells: readonly string[] | null, problems: readonly RowProblem[]): Row {
  return { row: frame.row, bytes: frame.bytes, cells, input: null, item: null, problems };
}

function widthProblem(cells: readonly string[], columns: readonly string[]): RowProblem {
  return {
    code: 'MALFORMED',
    message: `It has ${cells.length} columns where the header has ${columns.length}.`,
  };
}
