import { describe, expect, test } from 'vitest';
import { extendShape, type Shape, shapeOf } from '../../src/lib/json-shape.ts';

const NOTHING: Shape = new Map();
const objectOf = (members: number): object =>
  Object.fromEntries(Array.from({ length: members }, (_, k) => [`m${k}`, k]));
const order = (shape: Shape | undefined): string => [...(shape?.keys() ?? [])].join(' ');

describe('the shape of a text', () => {
  test('has all members of its objects in the order in which they come', () => {
    expect(order(extendShape([{ b: 1, d: 1 }, { a: 1, b: 1, c: 1 }, 1, [[{ e: 1, d: 2 }]]], NOTHING))).toBe(
      'e a b c d',
    );
  });

  test('keeps the fields that the text lacks, and their order', () => {
    const known = shapeOf({ c: true, x: { y: true }, a: true });
    const shape = extendShape({ a: 1, b: [{ z: 1 }], c: 1 }, known);
    expect(order(shape)).toBe('a b c x');
    expect(order(shape.get('x'))).toBe('y');
    expect(order(shape.get('b'))).toBe('z');
    expect(order(extendShape({ b: 'text', a: 1 }, shape).get('b'))).toBe('z');
  });

  test('is not learned from dictionaries', () => {
    const known = shapeOf({ a: true });
    expect(extendShape(objectOf(200), known)).toBe(known);
    const shape = extendShape({ a: objectOf(200), b: { x: 1 } }, known);
    expect(shape.get('a')).toBeUndefined();
    expect(order(shape.get('b'))).toBe('x');
    expect(extendShape({ a: Array.from({ length: 300 }, (_, k) => ({ [k]: 1 })) }, known).get('a')).toBeUndefined();
  });

  test('is not learned from very large dictionaries, and that at once', () => {
    const known = shapeOf({ a: true });
    expect(extendShape(objectOf(300_000), known)).toBe(known);
  });

  test('is bounded in all', () => {
    const size = (shape: Shape | undefined): number =>
      shape ? shape.size + [...shape.values()].reduce((sum, it) => sum + size(it), 0) : 0;
    const wide = Object.fromEntries(Array.from({ length: 100 }, (_, k) => [k, objectOf(100)]));
    expect(size(extendShape(wide, NOTHING))).toBe(1_000);
  });

  test('goes a few levels deep', () => {
    let value: object = {};
    for (let k = 0; k < 100_000; k++) value = { a: [value] };
    let depth = 0;
    for (let shape: Shape | undefined = extendShape(value, NOTHING); shape; shape = shape.get('a')) depth++;
    expect(depth).toBe(8);
    let list: unknown = [];
    for (let k = 0; k < 100_000; k++) list = [list, { a: 1 }];
    expect(order(extendShape(list, NOTHING))).toBe('a');
  });
});
