import { describe, expect, test } from 'vitest';
import { startWithSandbox } from '../helpers/gateway.ts';

const gateway = await startWithSandbox();

describe('an error names its place in the document', () => {
  test.each([
    ['of a syntax error', '\n\n  { a', { line: 3, column: 6 }],
    [
      'of a number that is too large',
      '{ conversions(first:\n9007199254740993) { totalCount } }',
      { line: 2, column: 1 },
    ],
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
