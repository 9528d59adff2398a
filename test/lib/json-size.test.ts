import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isLargerThan } from '../../src/lib/json-size.ts';
import { anyCharacter } from '../helpers/json-text.ts';

test('a value is larger than a limit exactly when its JSON is', () => {
  const value = fc.jsonValue({ maxDepth: 4, stringUnit: anyCharacter });
  fc.assert(
    fc.property(value, (made) => {
      const bytes = Buffer.byteLength(JSON.stringify(made));
      expect([isLargerThan(made, bytes), isLargerThan(made, bytes - 1)]).toEqual([false, true]);
    }),
    { examples: [[[]], [{}], [{ a: [] }], ['"\\\u0000é😀'], [[null, true, -1.5e-7]]] },
  );
});
