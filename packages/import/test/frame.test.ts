import { stringify } from 'csv-stringify/sync';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Frame, frames } from '../frame.ts';

async function cut(text: string | Buffer, sizes: readonly number[], options = {}): Promise<Frame[]> {
  const bytes = Buffer.from(text as string);
  async function* chunks(): AsyncGenerator<Buffer> {
    for (let at = 0, turn = 0; at < bytes.length; turn++) {
      const size = sizes[turn % sizes.length] as number;
      yield bytes.subarray(at, at + size);
      at += size;
    }
  }
  const all: Frame[] = [];
  const how = { format: 'csv', separator: ',', maxRowBytes: 1_000, ...options } as const;
  for await (const batch of frames(chunks(), how)) all.push(...batch);
  return all;
}

const textOf = ({ block, start, end }: Frame): string => block.text(start, end);

const told = (all: readonly Frame[]): [number, string][] =>
  all.map((frame) => [frame.row, frame.problem?.code ?? textOf(frame).replace(/\r?\n$/, '')]);

describe('CSV', () => {
  test('is cut into the rows that were written, wherever the chunks end', async () => {
    const cell = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r\n', 'é', ' ', ''), maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(
        fc
          .integer({ min: 2, max: 4 })
          .chain((width) => fc.array(fc.array(cell, { minLength: width, maxLength: width }))),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }),
        fc.constantFrom('\n', '\r\n'),
        async (table, sizes, end) => {
          const rows = [['h'.repeat(3), ...(table[0] ?? ['x', 'y']).slice(1).map(() => 'h')], ...table].map((row) =>
            stringify([row], { record_delimiter: end, quoted_match: /\n/ }),
          );
          const all = await cut(rows.join(''), sizes);
          expect(all.map(({ problem }) => problem)).toEqual(rows.map(() => null));
          expect(all.map(textOf)).toEqual(rows);
        },
      ),
    );
  });

  test('loses only the line with a quote that is not closed, or out of place', async () => {
    const text = 'a,b\n1,"x\n2,y\n3,"y"z\n4,"p\nq"\n5,u"v\n6,"end';
    for (const size of [1, 3, 1_000]) {
      expect(told(await cut(text, [size]))).toEqual([
        [1, 'a,b'],
        [2, 'MALFORMED'],
        [3, '2,y'],
        [4, 'MALFORMED'],
        [5, '4,"p\nq"'],
        [6, 'MALFORMED'],
        [7, 'MALFORMED'],
      ]);
    }
  });

  test('does not let two stray quotes swallow the rows between them', async () => {
    expect(told(await cut('a,b\n1,"x\n2,y\n3,"\n4,z\n', [7]))).toEqual([
      [1, 'a,b'],
      [2, '1,"x\n2,y\n3,"'],
      [3, '4,z'],
    ]);
    expect(told(await cut('a,b,c\n1,"x,y\n2,y,z\n3,",u\n4,z,w\n', [7]))).toEqual([
      [1, 'a,b,c'],
      [2, '1,"x,y\n2,y,z\n3,",u'],
      [3, '4,z,w'],
    ]);
    expect(told(await cut('a,b,c\n1,"x,y\n2,y,z\n3,y,"\n4,z,w\n', [7]))).toEqual([
      [1, 'a,b,c'],
      [2, 'MALFORMED'],
      [3, '2,y,z'],
      [4, 'MALFORMED'],
      [5, '4,z,w'],
    ]);
  });

  test('skips a row that is too large without keeping it', async () => {
    const all = await cut(`a,b\n1,${'x'.repeat(50_000)}\n2,y\n3,"${'y\n'.repeat(700)}"\n4,z\n`, [999]);
    expect(told(all).filter(([, what]) => what !== 'y')).toEqual([
      [1, 'a,b'],
      [2, 'TOO_LARGE'],
      [3, '2,y'],
      [4, 'MALFORMED'],
      [704, 'MALFORMED'],
      [705, '4,z'],
    ]);
    expect(Math.max(...all.map(({ start, end }) => end - start))).toBeLessThan(1_100);
  });

  test('counts empty lines as rows, and leaves them out', async () => {
    expect(told(await cut('a,b\r\n\r\n1,x\r\n\n2,y', [4]))).toEqual([
      [1, 'a,b'],
      [3, '1,x'],
      [5, '2,y'],
    ]);
  });
});

test('NDJSON is cut into its lines, whatever quotes they hold', async () => {
  expect(told(await cut('{"a":"x"}\n\n{"b\n{"c":1}', [2], { format: 'ndjson' }))).toEqual([
    [1, '{"a":"x"}'],
    [3, '{"b'],
    [4, '{"c":1}'],
  ]);
});
