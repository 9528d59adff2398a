import { expect, test } from 'vitest';
import { extendShape, type Shape, shapeOf } from '../../src/lib/json-shape.ts';

const NOTHING: Shape = new Map();
const objectOf = (members: number): object =>
  Object.fromEntries(Array.from({ length: members }, (_, k) => [`m${k}`, k]));
const order = (shape: Shape | undefined): string => [...(shape?.keys() ?? [])].join(' ');

test('a shape has the members of the objects in their order, and keeps those that a later text lacks', () => {
  expect(order(extendShape([{ b: 1, d: 1 }, { a: 1, b: 1, c: 1 }, 1, [[{ e: 1, d: 2 }]]], NOTHING))).toBe('e a b c d');
  const shape = extendShape({ a: 1, b: [{ z: 1 }], c: 1 }, shapeOf({ c: true, x: { y: true }, a: true }));
  expect([shape, shape.get('x'), shape.get('b')].map(order)).toEqual(['a b c x', 'y', 'z']);
  expect(order(extendShape({ b: 'text', a: 1 }, shape).get('b'))).toBe('z');
});

test('a shape is not learned from dictionaries', () => {
  const known = shapeOf({ a: true });
  expect(extendShape(objectOf(200), known)).toBe(known);
  // Time that grows with the square of the size would be minutes.
  expect(extendShape(objectOf(300_000), known)).toBe(known);
  const shape = extendShape({ a: objectOf(200), b: { x: 1 } }, known);
  expect([shape.get('a'), order(shape.get('b'))]).toEqual([undefined, 'x']);
  expect(extendShape({ a: Array.from({ length: 300 }, (_, k) => ({ [k]: 1 })) }, known).get('a')).toBeUndefined();
});

test('a shape is bounded in members and levels', () => {
  const size = (shape: Shape | undefined): number =>
    shape ? shape.size + [...shape.values()].reduce((sum, it) => sum + size(it), 0) : 0;
  const wide = Object.fromEntries(Array.from({ length: 100 }, (_, k) => [k, objectOf(100)]));
  expect(size(extendShape(wide, NOTHING))).toBe(1_000);
  let value: object = {};
  let list: unknown = [];
  for (let k = 0; k < 100_000; k++) {
    value = { a: [value] };
    list = [list, { a: 1 }];
  }
  expect(size(extendShape(value, NOTHING))).toBe(8);
  expect(order(extendShape(list, NOTHING))).toBe('a');
});
