import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runs } from '../../../test/helpers/runs.ts';
import { splitRow } from '../cells.ts';
import { framesOf } from '../frame.ts';

const HOW = { format: 'csv', maxRowBytes: 1_000 } as const;

describe('a row', () => {
  test('has the cells that another parser finds in it', () => {
    const piece = fc.constantFrom('a', 'bc', '"', '""', ',', ';', '\r', '\n', '\r\n', 'é', '💶', ' ', '\\', '\t');
    const text = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(''));
    const quoted = fc
      .array(fc.tuple(fc.boolean(), text), { minLength: 1, maxLength: 6 })
      .map((cells) =>
        cells
          .map(([isQuoted, cell]) => (isQuoted ? `"${cell.replaceAll('"', '""')}"` : cell.replaceAll(/["\r\n]/g, '')))
          .join(','),
      );
    let good = 0;
    fc.assert(
      fc.property(fc.oneof(text, quoted), fc.constantFrom(',', ';', '\t'), (input, separator) => {
        for (const { block, start, end, problem } of framesOf(input, { ...HOW, separator })) {
          if (problem) continue;
          const row = block.text(start, end);
          const options = { delimiter: separator, record_delimiter: ['\r\n', '\n'], relax_column_count: true };
          expect([splitRow(row, separator)]).toEqual(parse(row, options));
          good += 1;
        }
      }),
      { numRuns: runs(2_000) },
    );
    expect(good).toBeGreaterThan(1_000);
  });

  test('may end with the file, with an empty cell, or with a carriage return that ends no line', () => {
    expect(splitRow('a,b', ',')).toEqual(['a', 'b']);
    expect(splitRow('a,\n', ',')).toEqual(['a', '']);
    expect(splitRow(',\r\n', ',')).toEqual(['', '']);
    expect(splitRow('"a",""\n', ',')).toEqual(['a', '']);
    expect(splitRow('a,b\r', ',')).toEqual(['a', 'b\r']);
    expect(splitRow('"x ""y"" z","1\n2"\r\n', ',')).toEqual(['x "y" z', '1\n2']);
  });
});
