import { setImmediate } from 'node:timers/promises';
import type { Config } from '../../src/config/config.ts';
import { prepareItem } from '../../src/datatrics/bulk/items.ts';
import { type Columns, createColumns, NOTHING, REJECT_COLUMNS, type Slot } from './columns.ts';
import { type Converted, createConverter } from './convert.ts';
import { dateReader } from './dates.ts';
import type { Sendable } from './destination.ts';
import type { ImportOptions } from './options.ts';
import { type RowProblem, UsageError } from './problem.ts';
import { LOST, type Row, records, recordsOf } from './records.ts';
import { openSource } from './source.ts';
import { type Decimal, decimalIn, isUnrounded, unwrapId } from './values.ts';

export type Input = Awaited<ReturnType<typeof openInput>>;

/** Rows converted before the reader yields to the event loop, so that calls in flight do not wait for a whole batch. */
const ROWS_PER_TURN = 64;
/** Rows whose ids are looked at before the first one is sent. */
const ID_ROWS = 10_000;

/** A lone surrogate, which UTF-8 cannot encode, or U+0000, as `JSON.stringify` escapes them. */
const UNWRITABLE = /(?<!\\)(?:\\\\)*\\u(0000|d[89a-f])/i;

/** Opens the input and reads its header. `signal` ends reading. @throws UsageError for an unreadable file or an invalid header */
export async function openInput(options: ImportOptions, config: Config, signal: AbortSignal) {
  const { resource, file, ignore, dateFormat } = options;
  const source = await openSource(options, signal);
  const { format, separator } = source;
  const isCsv = format === 'csv';
  const cutting = { format, separator, maxRowBytes: config.bulkLimits.chunkBytes };
  const first = recordsOf(source.sample, cutting);
  if (first.length === 0) throw new UsageError(`${file} is empty, or its header is too long (over 64 KiB).`);
  const headerRow = isCsv ? first.shift() : undefined;
  if (headerRow?.cells === null) throw new UsageError(`The header is invalid: ${headerRow.problems[0]?.message}`);
  const header = headerRow?.cells.map((name) => name.trim()) ?? [];
  const rawAt = header.indexOf('_raw');
  const codeAt = header.indexOf('_code');
  /** The input's own columns; none for NDJSON, and for its rejects. */
  const own = header.filter((name) => !REJECT_COLUMNS.includes(name));
  // Columns without a name are skipped.
  const columns = createColumns(isCsv ? { ...options, ignore: [...ignore, ''] } : options);
  if (own.length > 0) checkColumns(header, columns, options);
  const batches = file === '-' || !isCsv ? [first] : records(source.bytes(), cutting);
  const { decimal, roundedIds } = await survey(batches, header.map(columns.slotOf), options);
  /** Number of values that were changed so far, by the change. */
  const notes = new Map<string, number>();
  const converter = createConverter({
    ...options,
    ...{ columns, decimal, roundedIds },
    dateReader: dateFormat === undefined ? null : dateReader(dateFormat),
    timeZone: options.timeZone ?? config.timeZone,
    note: (what) => notes.set(what, (notes.get(what) ?? 0) + 1),
  });
  let read = 0;

  function toRow(row: Row): Row {
    const { cells, problems } = row;
    if (problems.length > 0) return row;
    if (!isCsv) return convert(row, converter.ofJson(row.text));
    if (cells?.length !== header.length) return refuse(row, 'MALFORMED', widthProblem(cells, header));
    const text = cells[rawAt] ?? '';
    // If it were sent, it would overwrite the row that replaced it.
    if (cells[codeAt] === 'DUPLICATE') return refuse({ ...row, text }, 'DUPLICATE', STILL_DUPLICATE);
    if (text === '') return convert(row, converter.ofCells(header, cells));
    return own.length > 0 ? ofRaw({ ...row, text }) : convert({ ...row, text }, converter.ofJson(text));
  }

  /** Reads a rejected row that could not be split before. The user may have fixed it in the `_raw` column. */
  function ofRaw(row: Row): Row {
    const [inner, ...more] = recordsOf(row.text, cutting);
    if (!inner?.cells || more.length > 0) {
      const what = row.text.includes(LOST) ? 'still has U+FFFD in place of lost characters' : 'is not one row of CSV';
      return refuse(row, 'MALFORMED', `_raw ${what}.`);
    }
    if (inner.cells.length !== own.length) return refuse(row, 'MALFORMED', widthProblem(inner.cells, own));
    const values = inner.cells.values();
    const cells = header.map((name) => (own.includes(name) ? (values.next().value as string) : ''));
    return convert({ ...row, cells, text: '' }, converter.ofCells(header, cells));
  }

  function convert(row: Row, { input, problems }: Converted): Row {
    if (problems.length > 0) return { ...row, problems };
    const { result, pending } = prepareItem(resource, input, config, row.row);
    if (!pending) return { ...row, problems: result.problems };
    if (pending.json.includes('\\u') && UNWRITABLE.test(pending.json)) {
      return refuse(row, 'INVALID', 'A value contains U+0000 or a lone surrogate.');
    }
    const item: Sendable = pending;
    if (options.gateway) item.input = input;
    return { ...row, item };
  }

  /** Yields the rows after this row number, in batches. May be called only once for standard input. */
  async function* rows(after: number): AsyncGenerator<Row[]> {
    const done = Math.max(after, headerRow?.row ?? 0);
    read = 0;
    notes.clear();
    for await (const batch of records(source.bytes(), cutting)) {
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
  const mapping = values.map(([column, first]) => {
    const slot = columns.slotOf(column);
    const near = slot?.kind === 'attribute' && !column.startsWith('attributes.') ? columns.near(column) : undefined;
    return { column, place: placeOf(slot), first, near };
  });
  return { source, header, mapping, decimal, notes, rows, rowsRead: () => read };
}

/**
 * Looks for numbers that prove the file's decimal separator, in all its rows if a column has numbers; and for ids that prove
 * that no spreadsheet has rounded them, in its first rows.
 */
async function survey(
  batches: AsyncIterable<Row[]> | Row[][],
  slots: readonly (Slot | null)[],
  options: ImportOptions,
) {
  const numbers = [...slots.keys()].filter((at) => slots[at]?.kind === 'number');
  const idAt = slots.findIndex((slot) => slot?.name === `${options.resource}Id`);
  const found = new Set<Decimal>();
  let roundedIds = true;
  let count = 0;
  for await (const batch of batches) {
    for (const { cells } of batch) {
      for (const at of numbers) for (const decimal of decimalIn(cells?.[at] ?? '')) found.add(decimal);
      if (isUnrounded(unwrapId(cells?.[idAt] ?? '', () => undefined))) roundedIds = false;
    }
    count += batch.length;
    if ((options.decimal || numbers.length === 0) && count > ID_ROWS) break;
  }
  const [only, other] = found;
  return { decimal: options.decimal ?? (other ? undefined : only), roundedIds };
}

/** @throws UsageError for columns that are unknown, missing, or that set the same field or attribute */
function checkColumns(header: readonly string[], columns: Columns, { resource, map, ignore, source }: ImportOptions) {
  const all = header.join(', ');
  const missing = [...map.keys(), ...ignore].filter((name) => !header.includes(name));
  const unknown = header.filter((name) => columns.slotOf(name) === null);
  const places = header.map((name) => placeOf(columns.slotOf(name)));
  const second = places.findIndex((place, at) => place !== NOTHING.name && places.indexOf(place) < at);
  const place = places[second];
  const id = `${resource}Id`;
  const problem =
    (missing.length > 0 && `--map or --ignore names ${missing.join(', ')}; the file has ${all}.`) ||
    (unknown.length > 0 &&
      `No field matches the columns ${unknown.join(', ')} (--strict). Map them with --map, or skip them with --ignore.`) ||
    (place &&
      `The columns ${header[places.indexOf(place)]} and ${header[second]} both set ${place}: skip one with --ignore, map it with --map, or rename one in the file.`) ||
    (!places.includes(id) && `No column has the ${id}; the file has ${all}. Map one with --map ${id}=COLUMN.`) ||
    (source === undefined &&
      !places.includes('source') &&
      'No column has the source: give one for all rows with --source, or map a column with --map source=COLUMN.');
  if (problem) throw new UsageError(problem);
}

function placeOf(slot: Slot | null): string {
  const { kind, name } = slot ?? NOTHING;
  return kind === 'attribute' ? `attributes.${name}` : name;
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

const STILL_DUPLICATE = '_code is still DUPLICATE: delete the row, or give it another id and clear _code.';

function refuse(row: Row, code: RowProblem['code'], message: string): Row {
  return { ...row, problems: [{ code, message }] };
}

function widthProblem(cells: readonly string[] | null, columns: readonly string[]): string {
  return `The row has ${cells?.length} columns; the header has ${columns.length}.`;
}
