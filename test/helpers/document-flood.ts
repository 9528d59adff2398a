import { isObjectType } from 'graphql';
import { ALL_SCOPES } from '../../src/auth/scopes.ts';
import { Admission } from '../../src/graph/admission.ts';
import type { Run } from '../../src/graph/execution.ts';
import { createPipeline } from '../../src/graph/pipeline.ts';
import { buildSchema } from '../../src/graph/schema.ts';
import { EVERYBODY } from '../../src/lib/fair-queue.ts';
import { Operation } from '../../src/upstream/operation.ts';
import { LIMITS } from './limits.ts';

/**
 * A program: sends distinct valid documents of 10 KB through the pipeline, each three times, and prints the bytes of the heap
 * in use once all garbage is gone. Its resolvers give null, so that nothing but the documents takes memory.
 *
 * Usage: node --expose-gc document-flood.ts DOCUMENTS_OF_EACH_SHAPE
 */
type Request = readonly [query: string, variables?: Readonly<Record<string, unknown>>, operationName?: string];

const times = (count: number, of: (index: number) => string): string =>
  Array.from({ length: count }, (_, i) => of(i)).join(' ');
const LEAVES = 'profileId name firstName lastName email country createdAt updatedAt id source';
const OPERATIONS = 60;

const SHAPES: Record<string, (n: number) => Request[]> = {
  fields: (n) => [
    [
      `query Q${n} { ${times(40, (i) => `a${i}: profiles(first: ${i + 1}, source: "S${n}") { nodes { ${LEAVES} conversions(first: 2) { nodes { total email } } } }`)} }`,
    ],
  ],
  fragments: (n) => [
    [
      `query Q${n} { profile(profileId: "1") { ${times(120, (i) => `...F${i}`)} } }
        ${times(120, (i) => `fragment F${i} on Profile { name email conversions { totalCount } country }`)}`,
    ],
  ],
  variables: (n) => [
    [
      `query Q${n}(${times(250, (i) => `$v${i}: ID!`)}) { nodes(ids: [${times(250, (i) => `$v${i}`)}]) { id } }`,
      Object.fromEntries(Array.from({ length: 250 }, (_, i) => [`v${i}`, 'x'])),
    ],
  ],
  operations: (n) =>
    Array.from({ length: OPERATIONS }, (_, operation) => [
      `${times(OPERATIONS, (i) => `query Q${n}_${i}($id: ID!) { profile(profileId: $id) { name ...F conversions { totalCount } } }`)} fragment F on Profile { country email }`,
      { id: '1' },
      `Q${n}_${operation}`,
    ]),
  conditions: (n) =>
    Array.from({ length: 8 }, (_, bits) => [
      `query Q${n}($a: Boolean!, $b: Boolean!, $c: Boolean!) {
        ${times(30, (i) => `a${i}: profiles(first: 1) { nodes { ${LEAVES} ${i === 0 ? 'x: name @skip(if: $a) y: name @skip(if: $b) z: name @skip(if: $c)' : ''} } }`)} }`,
      { a: (bits & 1) > 0, b: (bits & 2) > 0, c: (bits & 4) > 0 },
    ]),
};

const schema = buildSchema();
const query = schema.getQueryType();
if (!isObjectType(query)) throw new Error('The schema has no queries.');
for (const field of Object.values(query.getFields())) field.resolve = () => null;

const pipeline = createPipeline({
  schema,
  limits: { ...LIMITS, maxEstimatedCalls: 1_000_000, maxEstimatedValues: 1_000_000_000 },
});
const operation = new Operation({ timeoutMs: 3_600_000, maxCalls: 0 });
const run = {
  scopes: ALL_SCOPES,
  costSettings: {
    project: { sources: { profile: ['S'], content: ['S'], conversion: ['S'], interaction: ['S'] }, filters: 'on' },
    projectId: '1',
    bulkLimits: {},
  },
  planOnly: false,
  receipt: false,
  context: () => ({ operation, session: {} }),
  admission: new Admission(1_000_000),
  party: EVERYBODY,
  allowMutation: false,
  identify: () => undefined,
  reportUnexpected: () => undefined,
} as unknown as Run;

const documents = Number(process.argv[2]);
for (let n = 0; n < documents; n++) {
  for (const [shape, requestsOf] of Object.entries(SHAPES)) {
    for (let time = 1; time <= 3; time++) {
      for (const [text, variables, operationName] of requestsOf(n)) {
        const checked = pipeline.check({ query: text.padEnd(10_000), variables, operationName }, run);
        const { kind, result } = 'kind' in checked ? checked : await pipeline.execute(checked, run);
        if (kind !== 'executed') throw new Error(`${shape}: ${JSON.stringify(result.errors)}`);
      }
    }
  }
  // Code that is no longer used goes with collections that nobody asked for, and needs a turn of the event loop.
  await new Promise(setImmediate);
}
operation.end();
globalThis.gc?.();
process.stdout.write(String(process.memoryUsage().heapUsed));
