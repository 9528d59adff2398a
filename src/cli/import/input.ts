import type { Config } from '../../config/config.ts';
import { Columns } from './columns.ts';
import { Converter } from './convert.ts';
import { frames } from './frame.ts';
import type { ImportOptions } from './options.ts';
import { type Row, RowReader } from './rows.ts';
import { openSource, type Source } from './source.ts';
import { Speller } from './spell.ts';

/** A file, opened, with a header that can be. */
export interface Input {
  readonly source: Source;
  readonly reader: RowReader;
  /** Rows after the one of this number, many at a time. To be called once. */
  rows(after: number): AsyncGenerator<Row[]>;
}

/** @throws UsageError for a file that can not be read, or a header that can not be */
export async function openInput(options: ImportOptions, config: Config): Promise<Input> {
  const source = await openSource(options);
  const columns = new Columns(options);
  const { format, separator } = source;
  const maxRowBytes = config.bulkLimits.chunkBytes;
  const how = { ...options, columns, timeZone: options.timeZone ?? config.timeZone };
  const reader = new RowReader({
    resource: options.resource,
    format,
    separator,
    columns,
    converter: new Converter(how),
    speller: options.gateway ? null : new Speller(how, config.timeZone),
    maxRowBytes,
    timeZone: config.timeZone,
    mapped: [...options.map.keys(), ...options.ignore],
    needsSource: options.source === undefined,
  });
  const read = frames(source.bytes, { format, separator, maxRowBytes });
  const batches = await reader.begin(read);
  return { source, reader, rows: (after) => reader.rows(batches, after) };
}
