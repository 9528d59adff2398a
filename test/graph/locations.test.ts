import fc from 'fast-check';
import { getLocation, Source } from 'graphql';
import { afterAll, describe, expect, test } from 'vitest';
import { createLocate } from '../../src/graph/locations.ts';
import { startWithSandbox } from '../helpers/gateway.ts';

const gateway = await startWithSandbox();
afterAll(() => gateway.close());

test('places are those that graphql-js finds', () => {
  const text = fc.array(fc.constantFrom('a', ' ', '\n', '\r', '\r\n', '#')).map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, fc.nat({ max: 40 }), (body, offset) => {
      // Nothing begins at the end of a line.
      fc.pre(offset < body.length && !/[\r\n]/.test(body[offset] as string));
      expect(createLocate(body)({ line: 1, column: offset + 1 })).toEqual(getLocation(new Source(body), offset));
    }),
  );
});

describe('an error names its place in the document', () => {
  test.each([
    ['of a syntax error', '\n\n  { a', { line: 3, column: 6 }],
    ['of an unknown field', '\n\n  { a }', { line: 3, column: 5 }],
    ['of a variable', '\nquery ($a: Int!) {\n __typename }', { line: 2, column: 8 }],
    ['of a failing field', '{\n  profile(profileId: "..") { name }\n}', { line: 2, column: 3 }],
  ])('%s', async (_name, query, place) => {
    // Run by graphql-js first, compiled the second time.
    for (let time = 1; time <= 3; time++) {
      expect((await gateway.query(query)).body.errors).toMatchObject([{ locations: [place] }]);
    }
  });
});

test('thousands of errors in a document of very many lines take no time for their places', async () => {
  const lines = '\n'.repeat(450_000);
  const fields = 'profile(source: "") { name } '.repeat(200);
  for (let time = 1; time <= 3; time++) {
    const { body } = await gateway.query(`${lines}{ conversions(first: 500) { nodes { ${fields} } } }`);
    expect(body.errors).toHaveLength(500);
    expect(body.errors?.[0]).toMatchObject({ locations: [{ line: 450_001, column: 37 }] });
  }
});
