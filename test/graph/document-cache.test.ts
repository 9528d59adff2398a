import { expect, test } from 'vitest';
import { createDocuments } from '../../src/graph/document-cache.ts';
import { buildSchema } from '../../src/graph/schema.ts';
import { LIMITS as limits } from '../helpers/limits.ts';

const schema = buildSchema();
const document = (name: string): string => `query ${name} { profile(profileId: "1", source: "S") { name } }`;

test.each([
  ['new documents', true, 1],
  ['documents that made-up keys send again and again', false, 3],
])('a flood of %s does not evict a document that comes again', (_name, keep, times) => {
  const prepare = createDocuments({ schema, limits, maxCachedBytes: 1_000_000 });
  const mine = prepare(document('Mine'), true);
  expect(prepare(document('Mine'), true)).toBe(mine);
  const first = prepare(document('Flood0'), keep);
  for (let n = 1; n < 500; n++) for (let time = 0; time < times; time++) prepare(document(`Flood${n}`), keep);
  expect(prepare(document('Mine'), true)).toBe(mine);
  // The flood evicts itself: what is kept has a bound.
  expect(prepare(document('Flood0'), keep)).not.toBe(first);
});
