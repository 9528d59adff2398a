import { setImmediate } from 'node:timers/promises';
import type { Config } from '../../src/config/config.ts';
import { prepareItem } from '../../src/datatrics/bulk/items.ts';
import { type Columns, createColumns, NOTHING, REJECT_COLUMNS, type Slot } from './columns.ts';
import { type Converted, createConverter } from './convert.ts';
import { dateReader } from './dates.ts';
import type { Sendable } from './destination.ts';
import { isUnrounded, unwrapId } from './ids.ts';
import { type Decimal, decimalIn } from './numbers.ts';
import type { ImportOptions } from './options.ts';
import { type RowProblem, UsageError } from './problem.ts';
import { LOST, type RecordOptions, type Row, records, recordsOf } from './records.ts';
import { openSource } from './source.ts';

/** What a column sets, and its first value. */
export interface Mapping {
  readonly column: string;
  readonly place: string;
  readonly first: string;
  /** The field that an unknown column resembles. */
  readonly near: string | undefined;
}

/** Rows converted before the reader yields to the event loop, so that calls in flight do not wait for a whole batch. */
const ROWS_PER_TURN = 64;
/** Rows whose ids are looked at before the first one is sent. */
const ID_ROWS = 10_000;

/** A lone surrogate, which UTF-8 cannot encode, or U+0000, as `JSON.stringify` escapes them. */
const UNWRITABLE = /(?<!\\)(?:\\\\)*\\u(0000|d[89a-f])/i;

/** Problem of an unchanged duplicate: if it were sent, it would overwrite the row that replaced it. */
const STILL_DUPLICATE: RowProblem = {
  code: 'DUPLICATE',
  message: '_code is still DUPLICATE: delete the row, or give it another id and clear _code.',
};

/**
 * Opens the input and reads its header.
 *
 * @param signal ends reading when it is aborted: `rows` throws InputError
 * @throws UsageError for an unreadable file or an invalid header
 */
export async function openInput(options: ImportOptions, config: Config, signal: AbortSignal) {
  const { resource } = options;
  const source = await openSource(options, signal);
  const { format, separator } = source;
  const columns = createColumns(options);
  const cutting = { format, separator, maxRowBytes: config.bulkLimits.chunkBytes };
  const first = recordsOf(source.sample.toString(), cutting);
  if (first.length === 0) throw new UsageError(`${options.file} has no rows: it is empty.`);
  const headerRow = format === 'csv' ? first.shift() : undefined;
  const header = headerRow ? namesIn(headerRow) : [];
  const rawAt = header.indexOf('_raw');
  const codeAt = header.indexOf('_code');
  /** The input's own columns; none for NDJSON, and for its rejects. */
  const own = header.filter((name) => !REJECT_COLUMNS.includes(name));
  const slots = own.length > 0 ? slotsOf(header, columns, options) : [];
  const { decimal, rounded } = await survey(options, cutting, slots, first);
  /** Number of values that were changed so far, by the change. */
  const notes = new Map<string, number>();
  const converter = createConverter({
    ...options,
    columns,
    dateReader: options.dateFormat === undefined ? null : dateReader(options.dateFormat),
    decimal,
    timeZone: options.timeZone ?? config.timeZone,
    roundedIds: rounded,
    note: (what) => notes.set(what, (notes.get(what) ?? 0) + 1),
  });
  let read = 0;

  function toRow(row: Row): Row {
    const { cells, problems } = row;
    if (problems.length > 0) return row;
    if (format === 'ndjson') return convert(row, converter.ofJson(row.text));
    if (cells?.length !== header.length) return { ...row, problems: [widthProblem(cells, header)] };
    const raw = cells[rawAt] ?? '';
    if (cells[codeAt] === 'DUPLICATE') return { ...row, text: raw, problems: [STILL_DUPLICATE] };
    if (raw === '') return convert(row, converter.ofCells(cells, header, slots));
    return own.length > 0 ? ofRaw({ ...row, text: raw }) : convert({ ...row, text: raw }, converter.ofJson(raw));
  }

  /** Reads a rejected row that could not be split before. The user may have fixed it in the `_raw` column. */
  function ofRaw(row: Row): Row {
    const [inner, ...more] = recordsOf(row.text, cutting);
    if (!inner?.cells || more.length > 0) {
      const what = row.text.includes(LOST) ? 'still has U+FFFD in place of lost characters' : 'is not one row of CSV';
      return { ...row, problems: [{ code: 'MALFORMED', message: `_raw ${what}.` }] };
    }
    if (inner.cells.length !== own.length) return { ...row, problems: [widthProblem(inner.cells, own)] };
    const values = inner.cells.values();
    const cells = header.map((name) => (own.includes(name) ? (values.next().value as string) : ''));
    return convert({ ...row, cells, text: '' }, converter.ofCells(cells, header, slots));
  }

  function convert(row: Row, { input, problems }: Converted): Row {
    if (problems.length > 0) return { ...row, problems };
    const { result, pending } = prepareItem(resource, input, config, row.row);
    if (!pending) return { ...row, problems: result.problems };
    if (pending.json.includes('\\u') && UNWRITABLE.test(pending.json)) {
      return { ...row, problems: [{ code: 'INVALID', message: 'A value contains U+0000 or a lone surrogate.' }] };
    }
    const item: Sendable = pending;
    if (options.gateway) item.input = input;
    return { ...row, item };
  }

  /** Yields the rows after this row number, in batches. May be called only once. */
  async function* rows(after: number): AsyncGenerator<Row[]> {
    const done = Math.max(after, headerRow?.row ?? 0);
    for await (const batch of records(source.bytes, cutting)) {
      read += batch.length;
      const wanted = (batch[0]?.row ?? 0) > done ? batch : batch.filter(({ row }) => row > done);
      for (let at = 0; at < wanted.length; at += ROWS_PER_TURN) {
        yield wanted.slice(at, at + ROWS_PER_TURN).map(toRow);
        await setImmediate();
      }
    }
  }

  const valueIn = (at: number): string => first.find(({ cells }) => cells?.[at])?.cells?.[at] ?? '';
  const values = own.length > 0 ? header.map((column, at) => [column, valueIn(at)] as const) : jsonValues(first, rawAt);
  const mapping = values.map(([column, first], at): Mapping => {
    const slot = slots[at] ?? columns.slotOf(column) ?? NOTHING;
    const isAttribute = slot.kind === 'attribute';
    const near = isAttribute && !column.startsWith('attributes.') ? columns.near(column) : undefined;
    return { column, place: isAttribute ? `attributes.${slot.name}` : slot.name, first, near };
  });
  return { source, header, mapping, decimal, notes, rows, rowsRead: () => read };
}

/**
 * Looks for numbers that prove the file's decimal separator, in all its rows if a column has numbers; and for ids that prove
 * that no spreadsheet has rounded them, in its first rows. Of standard input, it sees only the beginning.
 */
async function survey(
  options: ImportOptions,
  cutting: RecordOptions,
  slots: readonly Slot[],
  first: readonly Row[],
): Promise<{ decimal: Decimal | undefined; rounded: boolean }> {
  const found = new Set<Decimal>();
  let rounded = true;
  const isNumber = slots.map(({ kind }) => kind === 'number');
  const idAt = slots.findIndex(({ name }) => name === `${options.resource}Id`);
  const look = ({ cells }: Row): void => {
    cells?.forEach((cell, at) => {
      const decimal = isNumber[at] ? decimalIn(cell) : null;
      if (decimal) found.add(decimal);
    });
    if (isUnrounded(unwrapId(cells?.[idAt] ?? '', () => undefined))) rounded = false;
  };
  if (options.file === '-' || slots.length === 0) first.forEach(look);
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

function namesIn({ cells, problems }: Row): string[] {
  if (cells === null) throw new UsageError(`The header is invalid: ${problems[0]?.message}`);
  return cells.map((name) => name.trim());
}

/** @throws UsageError for columns that are unknown, missing, or that set the same field or attribute */
function slotsOf(header: readonly string[], columns: Columns, options: ImportOptions): Slot[] {
  const { resource, map, ignore } = options;
  const slots = header.map((name) => (name === '' ? NOTHING : columns.slotOf(name)));
  const unknown = header.filter((_, at) => slots[at] === null);
  if (unknown.length > 0) {
    throw new UsageError(
      `No field matches the columns ${unknown.join(', ')} (--strict). Map them with --map, or skip them with --ignore.`,
    );
  }
  const all = header.join(', ');
  const missing = [...map.keys(), ...ignore].filter((name) => !header.includes(name));
  if (missing.length > 0) throw new UsageError(`--map or --ignore names ${missing.join(', ')}; the file has ${all}.`);
  const seen = new Map<string, string>();
  (slots as Slot[]).forEach(({ kind, name }, at) => {
    if (kind === 'nothing') return;
    const what = kind === 'attribute' ? `attributes.${name}` : name;
    const before = seen.get(what);
    if (before !== undefined) {
      throw new UsageError(
        `The columns ${before} and ${header[at]} both set ${what}: skip one with --ignore, or map it with --map.`,
      );
    }
    seen.set(what, header[at] as string);
  });
  if (!seen.has(`${resource}Id`)) {
    throw new UsageError(
      `No column has the ${resource}Id; the file has ${all}. Map one with --map ${resource}Id=COLUMN.`,
    );
  }
  if (options.source === undefined && !seen.has('source')) {
    throw new UsageError(
      'No column has the source: give one for all rows with --source, or map a column with --map source=COLUMN.',
    );
  }
  return slots as Slot[];
}

/** Returns the first value of each name in rows of NDJSON, or in rejects of such rows. */
function jsonValues(rows: readonly Row[], rawAt: number): [name: string, value: string][] {
  const values = new Map<string, string>();
  for (const { text, cells } of rows) {
    try {
      for (const [name, value] of Object.entries(JSON.parse(cells?.[rawAt] ?? text) as object)) {
        if (!values.has(name)) values.set(name, typeof value === 'string' ? value : JSON.stringify(value));
      }
    } catch {
      // The row is rejected later.
    }
  }
  return [...values];
}

function widthProblem(cells: readonly string[] | null, columns: readonly string[]): RowProblem {
  const message = `The row has ${cells?.length} columns; the header has ${columns.length}.`;
  return { code: 'MALFORMED', message };
}
