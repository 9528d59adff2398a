import { setImmediate } from 'node:timers/promises';
import type { Config } from '../../src/config/config.ts';
import { prepareItem } from '../../src/datatrics/bulk/items.ts';
import { Columns, placeOf, REJECT_COLUMNS, type Slot } from './columns.ts';
import { type Converted, Converter } from './convert.ts';
import { Sendable } from './destination.ts';
import { isUnrounded, unwrapId } from './ids.ts';
import { type Decimal, decimalIn } from './numbers.ts';
import type { ImportOptions } from './options.ts';
import { type RowProblem, UsageError } from './problem.ts';
import { LOST, type Record, records, recordsOf } from './records.ts';
import { openSource, type Source } from './source.ts';
import { Values } from './values.ts';

/** One row: its item to send, or the problems that prevent it. */
export interface Row {
  /** As in `Record`. */
  readonly row: number;
  readonly cells: readonly string[] | null;
  readonly text: string;
  readonly size: number;
  /** Null if the row cannot be sent. */
  readonly item: Sendable | null;
  readonly problems: readonly RowProblem[];
}

/** A header with the slots of its columns. */
export interface Header {
  readonly columns: readonly string[];
  readonly slots: readonly Slot[];
}

/** What a column sets, and its first value. */
export interface Mapping {
  readonly column: string;
  readonly place: string;
  readonly first: string;
  /** The field that an unknown column resembles. */
  readonly near: string | undefined;
}

/** An open input with a valid header. */
export interface Input {
  readonly source: Source;
  /** Null for NDJSON. */
  readonly header: Header | null;
  /** Of NDJSON: the names in the first rows. */
  readonly mapping: readonly Mapping[];
  /** Decimal separator of the file; undefined if it is unknown. */
  readonly decimal: Decimal | undefined;
  /** Number of values that were changed so far, by the change. */
  readonly notes: ReadonlyMap<string, number>;
  /** Rows read so far. */
  read(): number;
  /** Yields the rows after this row number, in batches. May be called only once. */
  rows(after: number): AsyncGenerator<Row[]>;
}

/** Rows converted before the reader yields to the event loop, so that calls in flight do not wait for a whole batch. */
const ROWS_PER_TURN = 64;
/** Rows whose ids are looked at before the first one is sent. */
const ID_ROWS = 10_000;

/** A lone surrogate, which UTF-8 cannot encode, or U+0000, as `JSON.stringify` escapes them. */
const UNWRITABLE = /(?<!\\)(?:\\\\)*\\u(0000|d[89a-f])/i;

const REJECT_NAMES: ReadonlySet<string> = new Set(Object.values(REJECT_COLUMNS));

/**
 * Opens the input and reads its header.
 *
 * @param signal ends reading when it is aborted: `rows` throws InputError
 * @throws UsageError for an unreadable file or an invalid header
 */
export async function openInput(options: ImportOptions, config: Config, signal: AbortSignal): Promise<Input> {
  const { resource } = options;
  const source = await openSource(options, signal);
  const { format, separator } = source;
  const columns = new Columns(options);
  const cutting = { format, separator, maxRowBytes: config.bulkLimits.chunkBytes };
  const first = recordsOf(source.sample.toString(), cutting);
  if (first.length === 0) throw new UsageError(`${options.file} has no rows: it is empty.`);
  const header = format === 'csv' ? readHeader(first.shift() as Record, columns, options) : null;
  const { decimal, rounded } = await survey(options, cutting, header, first);
  const values = new Values({
    ...options,
    decimal,
    timeZone: options.timeZone ?? config.timeZone,
    roundedIds: rounded,
  });
  const converter = new Converter({ ...options, columns, values });
  let read = 0;

  function toRow(record: Record): Row {
    const { cells, problem } = record;
    if (problem) return { ...record, item: null, problems: [problem] };
    const [text = ''] = cells as string[];
    if (header === null) return convert(record, converter.ofJson(text));
    const raw = cells?.[header.slots.findIndex(({ as }) => as === 'raw')] ?? '';
    if (cells?.length !== header.columns.length) return refuse(record, widthProblem(cells ?? [], header.columns));
    if (raw !== '') return ofRaw(record, raw, header);
    return convert(record, converter.ofCells(cells, header.columns, header.slots));
  }

  /** Reads a rejected row that could not be split before. The user may have fixed it in the `_raw` column. */
  function ofRaw(outer: Record, raw: string, { columns: names, slots }: Header): Row {
    const [inner, ...more] = recordsOf(raw, cutting);
    const record = { ...outer, cells: null, text: raw };
    if (!inner?.cells || more.length > 0) {
      const message = raw.includes(LOST)
        ? `${REJECT_COLUMNS.raw} still has U+FFFD in place of lost characters.`
        : `${REJECT_COLUMNS.raw} is not one row of CSV.`;
      return refuse(record, { code: 'MALFORMED', message });
    }
    const { cells } = inner;
    const own = names.filter((name) => !REJECT_NAMES.has(name));
    const isWhole = cells.length === names.length;
    if (!isWhole && cells.length !== own.length) return refuse(record, widthProblem(cells, own));
    let next = 0;
    const merged = isWhole ? cells : names.map((name) => (REJECT_NAMES.has(name) ? '' : (cells[next++] as string)));
    return convert({ ...outer, cells: merged }, converter.ofCells(merged, names, slots));
  }

  function convert(record: Record, converted: Converted): Row {
    if ('problems' in converted) return { ...record, item: null, problems: converted.problems };
    const { result, pending } = prepareItem(resource, converted.input, config, record.row);
    if (!pending) return { ...record, item: null, problems: result.problems };
    if (pending.json.includes('\\u') && UNWRITABLE.test(pending.json)) {
      return refuse(record, { code: 'INVALID', message: 'A value contains U+0000 or a lone surrogate.' });
    }
    const item = new Sendable(pending.key, pending.json, result, options.gateway ? converted.input : null);
    return { ...record, item, problems: [] };
  }

  async function* rows(after: number): AsyncGenerator<Row[]> {
    let isHeader = header !== null;
    for await (const batch of records(source.bytes, cutting)) {
      if (isHeader) batch.shift();
      isHeader = false;
      read += batch.length;
      const wanted = (batch[0]?.row ?? 0) > after ? batch : batch.filter(({ row }) => row > after);
      for (let at = 0; at < wanted.length; at += ROWS_PER_TURN) {
        yield wanted.slice(at, at + ROWS_PER_TURN).map(toRow);
        await setImmediate();
      }
    }
  }

  return {
    source,
    header,
    mapping: header ? mappingOf(header, columns, first) : mappingOfJson(columns, first),
    decimal,
    notes: values.notes,
    read: () => read,
    rows,
  };
}

/**
 * Looks for numbers that prove the file's decimal separator, in all its rows if a column has numbers; and for ids that prove
 * that no spreadsheet has rounded them, in its first rows. Of standard input, it sees only the beginning.
 */
async function survey(
  options: ImportOptions,
  cutting: Parameters<typeof records>[1],
  header: Header | null,
  first: readonly Record[],
): Promise<{ decimal: Decimal | undefined; rounded: boolean }> {
  const found = new Set<Decimal>();
  let rounded = true;
  const slots = header?.slots ?? [];
  const isNumber = slots.map((slot) => slot.as === 'field' && slot.kind === 'number');
  const idAt = slots.findIndex((slot) => slot.as === 'field' && slot.name === `${options.resource}Id`);
  const look = ({ cells }: Record): void => {
    cells?.forEach((cell, at) => {
      const decimal = isNumber[at] ? decimalIn(cell) : null;
      if (decimal) found.add(decimal);
    });
    if (isUnrounded(unwrapId(cells?.[idAt] ?? '', () => undefined))) rounded = false;
  };
  if (options.file === '-' || header === null) first.forEach(look);
  else {
    let count = 0;
    const needsAll = options.decimal === undefined && isNumber.includes(true);
    for await (const batch of records((await openSource(options)).bytes, cutting)) {
      batch.slice(count === 0 ? 1 : 0).forEach(look);
      count += batch.length;
      if (!needsAll && count > ID_ROWS) break;
    }
  }
  const [only] = found;
  return { decimal: options.decimal ?? (found.size === 1 ? only : undefined), rounded };
}

function readHeader({ cells, problem }: Record, known: Columns, options: ImportOptions): Header {
  if (problem || cells === null) throw new UsageError(`The header is invalid: ${problem?.message}`);
  const { resource } = options;
  const columns = cells.map((name) => name.trim());
  const slots = columns.map((name) => (name === '' ? ({ as: 'nothing' } as const) : known.slotOf(name)));
  const unknown = columns.filter((_, at) => slots[at] === null);
  if (unknown.length > 0) {
    throw new UsageError(
      `No field matches the columns ${unknown.join(', ')} (--strict). Map them with --map, or skip them with --ignore.`,
    );
  }
  const missing = [...options.map.keys(), ...options.ignore].filter((name) => !columns.includes(name));
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
  if (options.source === undefined && !has('source')) {
    throw new UsageError(
      'No column has the source: give one for all rows with --source, or map a column with --map source=COLUMN.',
    );
  }
  return { columns, slots: slots as Slot[] };
}

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

function mappingOf({ columns, slots }: Header, known: Columns, first: readonly Record[]): Mapping[] {
  return columns.map((column, at) => {
    const value = first.find(({ cells }) => (cells?.[at] ?? '') !== '')?.cells?.[at] ?? '';
    return toMapping(column, slots[at] as Slot, value, known);
  });
}

function mappingOfJson(known: Columns, first: readonly Record[]): Mapping[] {
  const values = new Map<string, unknown>();
  for (const { cells } of first) {
    try {
      const record: unknown = JSON.parse(cells?.[0] ?? '');
      for (const [name, value] of Object.entries(record as object)) if (!values.has(name)) values.set(name, value);
    } catch {
      // The row is rejected later.
    }
  }
  return [...values].map(([name, value]) => {
    return toMapping(name, known.slotOf(name), typeof value === 'string' ? value : JSON.stringify(value), known);
  });
}

function toMapping(column: string, slot: Slot | null, first: string, known: Columns): Mapping {
  const near = slot?.as === 'attribute' && !column.startsWith('attributes.') ? known.near(column) : undefined;
  return { column, place: placeOf(slot), first, near };
}

function refuse(record: Record, problem: RowProblem): Row {
  return { ...record, item: null, problems: [problem] };
}

function widthProblem(cells: readonly string[], columns: readonly string[]): RowProblem {
  return {
    code: 'MALFORMED',
    message: `The row has ${cells.length} columns; the header has ${columns.length}.`,
  };
}
