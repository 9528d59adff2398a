import { isDeepStrictEqual } from 'node:util';
import {
  type DocumentNode,
  execute,
  GraphQLBoolean,
  type GraphQLError,
  type GraphQLFieldConfig,
  GraphQLInputObjectType,
  type GraphQLInputType,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLScalarType,
  GraphQLSchema,
  getVariableValues,
  type OperationDefinitionNode,
  parse,
  validate,
} from 'graphql';
import { describe, expect, test } from 'vitest';
import { ALL_SCOPES } from '../../src/auth/scopes.ts';
import { Admission } from '../../src/graph/admission.ts';
import type { GatewayContext } from '../../src/graph/context.ts';
import { formatError } from '../../src/graph/errors.ts';
import type { Run } from '../../src/graph/execution.ts';
import { createPipeline } from '../../src/graph/pipeline.ts';
import { buildSubgraphSchema } from '../../src/graph/subgraph.ts';
import { EVERYBODY } from '../../src/lib/fair-queue.ts';
import { Operation } from '../../src/upstream/operation.ts';
import { LIMITS } from '../helpers/limits.ts';

/** For each kind of input type: a default, a literal, and values of variables: valid, coerced and invalid ones. */
const EXAMPLES: Record<string, { standard: unknown; literal: string; values: unknown[] }> = {
  ID: { standard: 'd', literal: '7', values: ['a', 7, 1.5, true] },
  String: { standard: 'd', literal: '"""block"""', values: ['a', '', 7] },
  Int: { standard: 9, literal: '1', values: [1, 0, -1, 2 ** 31, '1'] },
  Float: { standard: 9.5, literal: '2', values: [1.5, 2, '1'] },
  Boolean: { standard: false, literal: 'true', values: [true, false, 'true'] },
  DateTime: { standard: 'd', literal: '"2024-05-01T12:00:00+02:00"', values: ['2024-05-01T12:00:00+02:00', 'x', 7] },
  JSONObject: { standard: { d: 1 }, literal: '{a: [1, {b: null}]}', values: [{ a: [1, { b: null }] }, [], 'x'] },
  _Any: { standard: 'd', literal: '{__typename: "A"}', values: [{ __typename: 'A' }, 'x', 0] },
  ContentType: { standard: 'ITEM', literal: 'CATEGORY', values: ['ITEM', 'nothing', 1] },
  ProfileFilter: {
    standard: {},
    literal: '{email: "a", createdAt: {gte: "2024-05-01T12:00:00Z"}}',
    values: [{ email: 'a', createdAt: { lte: null } }, { email: null }, { nothing: 1 }, 'x', {}],
  },
  ContentInput: {
    standard: {},
    literal: '{contentId: 7, source: "s", attributes: {a: 1}}',
    values: [{ contentId: '1', source: 's', type: 'CATEGORY', name: null }, { contentId: null }, 'x'],
  },
};

/** A schema whose fields answer with their arguments as the resolver gets them, with inputs in every place. */
const real = buildSubgraphSchema();
const types = Object.keys(EXAMPLES).map((name) => real.getType(name) as GraphQLInputObjectType);
const Echo = new GraphQLScalarType({ name: 'Echo', serialize: (value) => value });
const echo = (type: GraphQLInputType, defaultValue?: unknown): GraphQLFieldConfig<unknown, unknown> => ({
  type: Echo,
  args: { v: { type, defaultValue }, w: { type: GraphQLBoolean, defaultValue: true } },
  resolve: (_source, args) => args,
});
const Query: GraphQLObjectType = new GraphQLObjectType({
  name: 'Query',
  fields: () => ({
    child: { type: Query, resolve: () => ({}) },
    children: { type: new GraphQLList(Query), resolve: () => [{}, {}] },
    ...Object.assign({}, ...types.map(fieldsOf)),
  }),
});

function fieldsOf(type: GraphQLInputObjectType) {
  const { name } = type;
  const required = new GraphQLNonNull(type);
  const defaultValue = EXAMPLES[name]?.standard;
  const holder = new GraphQLInputObjectType({
    name: `Holder${name}`,
    fields: {
      optional: { type },
      required: { type: required },
      withDefault: { type: required, defaultValue },
      list: { type: new GraphQLList(required) },
    },
  });
  return {
    [`${name}_optional`]: echo(type),
    [`${name}_required`]: echo(required),
    [`${name}_default`]: echo(required, defaultValue),
    [`${name}_list`]: echo(new GraphQLNonNull(new GraphQLList(required))),
    [`${name}_open`]: echo(new GraphQLList(type)),
    [`${name}_holder`]: echo(holder),
  };
}

const schema = new GraphQLSchema({ query: Query });
const pipeline = createPipeline({ schema, limits: LIMITS });
const admission = new Admission(100);

type Variables = Readonly<Record<string, unknown>>;
interface Result {
  readonly data: unknown;
  readonly errors: readonly string[];
}

/** `undefined` and what is no own member are told apart, which they are not in an answer's JSON. */
function summary({ data = null, errors = [] }: { data?: unknown; errors?: readonly object[] | undefined }): Result {
  const exact = JSON.stringify(data, (_key, part) => (part === undefined ? '(undefined)' : part));
  const texts = (errors as { path?: unknown; extensions: object; message: string }[]).map(
    ({ path, extensions, message }) => JSON.stringify([path, extensions, message]),
  );
  return { data: JSON.parse(exact), errors: texts.sort() };
}

async function byGateway(query: string, variables: Variables): Promise<Result> {
  const operation = new Operation({ timeoutMs: 5_000, maxCalls: 1 });
  const run: Run = {
    scopes: ALL_SCOPES,
    costSettings: { project: {} } as Run['costSettings'],
    planOnly: false,
    receipt: false,
    context: () => ({ operation, session: {} }) as unknown as GatewayContext,
    admission,
    party: EVERYBODY,
    allowMutation: false,
    identify: () => undefined,
    reportUnexpected: () => undefined,
  };
  try {
    const checked = pipeline.check({ query, variables }, run);
    return summary(('kind' in checked ? checked : await pipeline.execute(checked, run)).result);
  } finally {
    operation.end();
  }
}

/** The same by graphql-js alone. */
async function byGraphqlJs(document: DocumentNode, variables: Variables): Promise<Result> {
  const [operation] = document.definitions as [OperationDefinitionNode];
  const { errors } = getVariableValues(schema, operation.variableDefinitions ?? [], variables, { maxErrors: 20 });
  if (errors) {
    return summary({ errors: errors.map(({ message }) => ({ message, extensions: { code: 'BAD_USER_INPUT' } })) });
  }
  const result = await execute({ schema, document, variableValues: variables });
  return summary({ data: result.data, errors: result.errors?.map((error) => formatError(error, () => undefined)) });
}

/** By the gateway, only the first set that runs is not compiled: it comes again at the end. Null for an invalid document. */
async function agree(query: string, ...sets: readonly Variables[]): Promise<Result[] | null> {
  const document = parse(query);
  const invalid: readonly GraphQLError[] = validate(schema, document);
  if (invalid.length > 0) return null;
  const results: Result[] = [];
  for (const variables of sets) results.push(await byGraphqlJs(document, variables));
  const again = results.findIndex(({ data }) => data !== null);
  for (const index of [...sets.keys(), ...(again === -1 ? [] : [again])]) {
    const result = await byGateway(query, sets[index] ?? {});
    // `expect` with its message costs more than the run.
    if (isDeepStrictEqual(result, results[index])) continue;
    expect(result, `${query} with ${JSON.stringify(sets[index])}`).toEqual(results[index]);
  }
  return results;
}

describe('variables reach resolvers as graphql-js coerces them, compiled or not', () => {
  test.each(Object.entries(EXAMPLES))('%s', async (name, { literal, values }) => {
    const required = `required: ${literal}`;
    const single = [
      ...['optional(v: $x)', 'required(v: $x)', 'default(v: $x)', `list(v: [$x, ${literal}])`, 'open(v: $x)'],
      ...[`open(v: [${literal}, $x])`, `holder(v: {${required}, optional: $x})`, 'holder(v: {required: $x})'],
      ...['withDefault: $x', 'list: [$x]', 'list: $x'].map((field) => `holder(v: {${required}, ${field}})`),
    ];
    const lists = [[values[0]], values[0], [], [values[0], null], [null]];
    const places: [type: string, literal: string, fields: string[], values: unknown[]][] = [
      [name, literal, single, values],
      [`[${name}!]`, `[${literal}]`, ['list(v: $x)', 'open(v: $x)', `holder(v: {${required}, list: $x})`], lists],
      [`[${name}]`, `[${literal}]`, ['open(v: $x)'], lists],
    ];
    let ran = 0;
    for (const [type, standard, fields, given] of places) {
      const sets = [...given.map((x) => ({ x })), { x: null }, {}];
      for (const declared of [type, `${type}!`, `${type} = ${standard}`, `${type}! = ${standard}`]) {
        for (const field of fields) {
          ran += (await agree(`query ($x: ${declared}) { a: ${name}_${field} }`, ...sets))?.length ?? 0;
        }
      }
    }
    expect(ran).toBeGreaterThan(40);
  });

  test.each(Object.entries(EXAMPLES))('literals of %s', async (name, { literal }) => {
    const fields = [
      `optional(v: ${literal})`,
      'optional(v: null)',
      'default',
      `list(v: ${literal})`,
      `list(v: [${literal}])`,
      `open(v: [null, ${literal}])`,
      `holder(v: {required: ${literal}, list: ${literal}})`,
      'holder(v: null, w: false)',
    ];
    const results = await agree(`{ ${fields.map((field, index) => `f${index}: ${name}_${field}`).join(' ')} }`, {});
    expect(results?.[0]?.errors).toEqual([]);
  });
});

describe('conditions have the same effect, compiled or not', () => {
  const FRAGMENT = 'fragment F on Query { f: String_optional(v: "f") children { g: Boolean_optional(v: $y) } }';

  test.each([
    'a: String_optional @skip(if: $x) b: String_optional @include(if: $x)',
    'a: String_optional @skip(if: $x) @include(if: $y)',
    // One response name in several places, of which only some are left out.
    'child @skip(if: $x) { a: String_optional } child { b: String_optional }',
    'a: String_optional(w: false) @skip(if: $x) a: String_optional(w: false) @include(if: $y)',
    '...F @include(if: $x) ...F @include(if: $y)',
    '...F @include(if: $x) child { ...F } children { ...F @skip(if: $y) }',
    'child { ...F } ... @include(if: $x) { child { ...F @skip(if: $y) } }',
    '... @include(if: $x) { ... @skip(if: $y) { a: String_optional(w: $y) } }',
    'child { ... on Query @include(if: $x) { children { a: String_optional @skip(if: $y) ...F } } }',
    'a: String_optional @skip(if: true) b: String_optional @include(if: true) @skip(if: $x) c: String_optional @include(if: $y)',
  ])('%s', async (selection) => {
    const text = `{ ${selection} z: Boolean_optional(v: $x) y: Boolean_optional(v: $y) } ${selection.includes('...F') ? FRAGMENT : ''}`;
    const sets = [{ x: true }, { x: false }, { x: null }, {}].flatMap((set) =>
      [true, false].map((y) => ({ ...set, y })),
    );
    for (const declared of ['Boolean!', 'Boolean = true', 'Boolean! = true', 'Boolean! = false']) {
      expect(await agree(`query ($x: ${declared}, $y: Boolean!) ${text}`, ...sets)).not.toBeNull();
    }
  });

  test.each([
    'a: String_optional @skip(if: $x)',
    'child { a: String_optional @include(if: $x) }',
    '... @include(if: $x) { a: String_optional }',
  ])('a null condition is bad input: %s', async (selection) => {
    const results = await agree(`query ($x: Boolean = true) { ${selection} }`, { x: null });
    expect(results?.[0]?.errors).toEqual([expect.stringContaining('BAD_USER_INPUT')]);
  });

  test('of more variables than an operation is compiled for', async () => {
    const names = [...'abcde'];
    const query = `query (${names.map((name) => `$${name}: Boolean!`).join(' ')}) {
      ${names.map((name) => `${name}: String_optional(v: "${name}") @include(if: $${name})`).join(' ')} }`;
    const sets = Array.from({ length: 32 }, (_, bits) =>
      Object.fromEntries(names.map((name, index) => [name, (bits & (1 << index)) !== 0])),
    );
    const results = await agree(query, ...sets);
    expect(results?.map(({ data }) => Object.keys(data as object))).toEqual(
      sets.map((set) => names.filter((name) => set[name])),
    );
  });
});

test.each([
  '"__MAGIC_DATE__33a9e76d_02e0_4128_8e92_3530ad3da74dglobalThis.injected = true"',
  '"__MAGIC_NAN__57f286b9_4c20_487f_b409_79804ddcb4f8"',
  '"`$' + '{globalThis.injected = true}`"',
  '"\\u2028\\"); globalThis.injected = true; //"',
])('no literal becomes code: %s', async (literal) => {
  const text = `a: String_optional(v: ${literal}) b: JSONObject_optional(v: {a: [${literal}]})`;
  expect(await agree(`query ($x: String = ${literal}) { ${text} c: String_optional(v: $x) }`, {})).not.toBeNull();
  expect(globalThis).not.toHaveProperty('injected');
});
