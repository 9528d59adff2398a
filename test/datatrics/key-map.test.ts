import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KeyMap } from '../../src/datatrics/key-map.ts';
import { canonicalKey, type RecordKey } from '../../src/datatrics/keys.ts';

const text = fc.constantFrom('a', 'b', 'a:b', '%3A', '__proto__', '');
const anyKey: fc.Arbitrary<RecordKey> = fc.oneof(
  fc.record({ resource: fc.constantFrom('profile', 'conversion', 'interaction'), id: text, source: text }),
  fc.record({ resource: fc.constant('content'), id: text, source: text, type: fc.constantFrom('ITEM', 'CATEGORY') }),
);

test('keeps a value for each key, as a map of canonical strings would', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(anyKey, fc.boolean()), { maxLength: 60 }), fc.array(anyKey), (steps, asked) => {
      const map = new KeyMap<number>();
      const expected = new Map<string, number>();
      for (const [at, [key, isSet]] of steps.entries()) {
        if (isSet) {
          map.set(key, at);
          expected.set(canonicalKey(key), at);
        } else {
          map.delete(key);
          expected.delete(canonicalKey(key));
        }
      }
      for (const key of [...asked, ...steps.map(([key]) => key)]) {
        expect(map.get(key)).toBe(expected.get(canonicalKey(key)));
      }
    }),
  );
});
