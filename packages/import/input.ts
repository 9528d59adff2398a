import type { Config } from '../../src/config/config.ts';
import { Columns } from './columns.ts';
import { Converter } from './convert.ts';
import { frames } from './frame.ts';
import type { ImportOptions } from './options.ts';
import { type Row, RowReader } from './rows.ts';
import { openSource, type Source } from './source.ts';
import { Speller } from './spell.ts';

/** An open input with a valid header. */
export interface Input {
  readonly source: Source;
  readonly reader: RowReader;
  /** Yields the rows after this row number, in batches. May be called only once. */
  rows(after: number): AsyncGenerator<Row[]>;
}

/** Opens the input and reads its header. @throws UsageError for an unreadable file or an invalid header */
export async function openInput(options: ImportOptions, config: Config): Promise<Input> {
  const source = await openSource(options);
  const columns = new Columns(options);
  const { format, separator } = source;
  const maxRowBytes = config.bulkLimits.chunkBytes;
  const convertOptions = { ...options, columns, timeZone: options.timeZone ?? config.timeZone };
  const reader = new RowReader({
    resource: options.resource,
    format,
    separator,
    columns,
    converter: new Converter(convertOptions),
    speller: options.gateway ? null : new Speller(convertOptions, config.timeZone),
    maxRowBytes,
    timeZone: config.timeZone,
    mapped: [...options.map.keys(), ...options.ignore],
    needsSource: options.source === undefined,
  });
  const input = frames(source.bytes, { format, separator, maxRowBytes });
  const batches = await reader.begin(input);
  return { source, reader, rows: (after) => reader.rows(batches, after) };
}
