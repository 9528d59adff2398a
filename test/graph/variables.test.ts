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
  type GraphQLNamedInputType,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLScalarType,
  GraphQLSchema,
  getVariableValues,
  isEnumType,
  isInputObjectType,
  isInputType,
  isNonNullType,
  isScalarType,
  Kind,
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

/** Of the input objects and enums, those that stand for the others: with enums, lists, ranges and defaults inside. */
const COMPOUND = ['ProfileFilter', 'ConversionInput', 'ContentInput', 'BulkUpsertProfilesInput', 'ContentType'];

/**
 * A schema whose fields answer with their arguments as the resolver gets them. It has input types of every kind of the
 * gateway's schemas, in every place where an input can be.
 */
const inputTypes = Object.values(buildSubgraphSchema().getTypeMap()).filter(
  (type): type is GraphQLNamedInputType =>
    isInputType(type) && !type.name.startsWith('__') && (isScalarType(type) || COMPOUND.includes(type.name)),
);
const Echo = new GraphQLScalarType({ name: 'Echo', serialize: (value) => value });
type Fields = Record<string, GraphQLFieldConfig<unknown, unknown>>;
const echo = (type: GraphQLInputType, defaultValue?: unknown): Fields[string] => ({
  type: Echo,
  args: { v: { type, defaultValue }, w: { type: GraphQLBoolean, defaultValue: true } },
  // A compiled function must get plain values and absent ones as graphql-js gives them.
  resolve: (_source, args) => args,
});
const Query: GraphQLObjectType = new GraphQLObjectType({
  name: 'Query',
  fields: () => ({
    child: { type: Query, resolve: () => ({}) },
    children: { type: new GraphQLList(Query), resolve: () => [{}, {}] },
    ...Object.assign({}, ...inputTypes.map(fieldsOf)),
  }),
});

function fieldsOf(type: GraphQLNamedInputType): Fields {
  const required = new GraphQLNonNull(type);
  const holder = new GraphQLInputObjectType({
    name: `Holder${type.name}`,
    fields: {
      optional: { type },
      required: { type: required },
      withDefault: { type: required, defaultValue: internalDefaultOf(type) },
      list: { type: new GraphQLList(required) },
    },
  });
  return {
    [`${type.name}_optional`]: echo(type),
    [`${type.name}_required`]: echo(required),
    [`${type.name}_default`]: echo(required, internalDefaultOf(type)),
    [`${type.name}_list`]: echo(new GraphQLNonNull(new GraphQLList(required))),
    [`${type.name}_open`]: echo(new GraphQLList(type)),
    [`${type.name}_holder`]: echo(holder),
  };
}

const schema = new GraphQLSchema({ query: Query });

/** Literals of each scalar, and values of variables: valid ones, ones that are coerced, and invalid ones. */
const SCALARS: Record<string, { literals: string[]; values: unknown[] }> = {
  ID: { literals: ['"a"', '7'], values: ['a', 7, 1.5, true] },
  String: { literals: ['"a"', '"""block"""'], values: ['a', '', 7] },
  Int: { literals: ['1'], values: [1, 0, -1, 2 ** 31, '1'] },
  Float: { literals: ['1.5', '2'], values: [1.5, 2, '1'] },
  Boolean: { literals: ['true', 'false'], values: [true, false, 'true'] },
  DateTime: { literals: ['"2024-05-01T12:00:00+02:00"'], values: ['2024-05-01T12:00:00+02:00', 'yesterday', 7] },
  JSONObject: { literals: ['{a: [1, {b: null}], c: "x"}'], values: [{ a: [1, { b: null }] }, [], 'x'] },
  _Any: { literals: ['{__typename: "A"}'], values: [{ __typename: 'A' }, 'x', 0] },
  federation__FieldSet: { literals: ['"a"'], values: ['a', 7] },
  link__Import: { literals: ['"a"'], values: ['a', { name: 'b' }] },
};

function literalsOf(type: GraphQLInputType, depth = 0): string[] {
  if (isNonNullType(type)) return literalsOf(type.ofType, depth);
  if (type instanceof GraphQLList) return literalsOf(type.ofType, depth).map((literal) => `[${literal}]`);
  if (isEnumType(type)) return [type.getValues().at(-1)?.name ?? ''];
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields()).filter(
      (field) => (isNonNullType(field.type) && field.defaultValue === undefined) || depth === 0,
    );
    return [`{${fields.map((field) => `${field.name}: ${literalsOf(field.type, depth + 1)[0]}`).join(', ')}}`];
  }
  return SCALARS[type.name]?.literals ?? ['"a"'];
}

function valuesOf(type: GraphQLInputType, depth = 0): unknown[] {
  if (isNonNullType(type)) return valuesOf(type.ofType, depth);
  if (type instanceof GraphQLList) {
    const values = valuesOf(type.ofType, depth);
    return [[values[0]], values[0], [], [values[0], null], [null]];
  }
  if (isEnumType(type)) return [type.getValues().at(-1)?.name, 'nothing', 1];
  if (isInputObjectType(type)) {
    const entries = Object.values(type.getFields()).flatMap((field): [string, unknown][] =>
      isNonNullType(field.type) || depth === 0 ? [[field.name, valuesOf(field.type, depth + 1)[0]]] : [],
    );
    return [Object.fromEntries(entries), { [entries[0]?.[0] ?? '']: null }, { nothing: 1 }, 'x', {}];
  }
  return SCALARS[type.name]?.values ?? ['a', 7];
}

function internalDefaultOf(type: GraphQLNamedInputType): unknown {
  if (isEnumType(type)) return type.getValues()[0]?.value;
  if (isInputObjectType(type)) return {};
  return { ID: 'd', Int: 9, Float: 9.5, Boolean: false, JSONObject: { d: 1 } }[type.name] ?? 'd';
}

interface Result {
  readonly data: unknown;
  readonly errors: readonly string[];
}

const pipeline = createPipeline({
  schema,
  limits: {
    maxTokens: 5000,
    maxDepth: 12,
    maxAliases: 100,
    maxRootFields: 50,
    maxDirectives: 50,
    assumedListSize: 10,
    maxEstimatedCalls: 5000,
    maxEstimatedValues: 350_000,
    maxAnswerBytes: 16_777_216,
    maxRepresentations: 500,
  },
});
const admission = new Admission(100);

/** `undefined` and what is no own member are told apart, which they are not in an answer's JSON. */
function exact(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_key, part) => (part === undefined ? '(undefined)' : part)) ?? 'null');
}

function summary({ data, errors }: { data?: unknown; errors?: readonly object[] | undefined }): Result {
  return {
    data: exact(data ?? null),
    errors: (errors ?? [])
      .map((error) => {
        const { path, extensions, message } = error as { path?: unknown; extensions: object; message: string };
        return JSON.stringify([path, extensions, message]);
      })
      .sort(),
  };
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

type Variables = Readonly<Record<string, unknown>>;

interface Judged {
  readonly query: string;
  readonly document: DocumentNode;
  readonly invalid: readonly GraphQLError[];
}

function judge(query: string): Judged {
  const document = parse(query);
  return { query, document, invalid: validate(schema, document, undefined, { maxErrors: 20 }) };
}

/** The same by graphql-js alone. */
function byGraphqlJs({ document, invalid }: Judged): (variables: Variables) => Result | Promise<Result> {
  const fail = (code: string, errors: readonly { message: string }[]): Result =>
    summary({ errors: errors.map(({ message }) => ({ message, extensions: { code } })) });
  if (invalid.length > 0) return () => fail('GRAPHQL_VALIDATION_FAILED', invalid);
  const operation = document.definitions.find(
    (definition): definition is OperationDefinitionNode => definition.kind === Kind.OPERATION_DEFINITION,
  );
  return async (variables) => {
    const { errors } = getVariableValues(schema, operation?.variableDefinitions ?? [], variables, { maxErrors: 20 });
    if (errors) return fail('BAD_USER_INPUT', errors);
    const result = await execute({ schema, document, variableValues: variables });
    return summary({ data: result.data, errors: result.errors?.map((error) => formatError(error, () => undefined)) });
  };
}

/** By the gateway, only the first set that runs is not compiled: it comes again at the end. */
async function agreeOn(judged: Judged, ...sets: readonly Variables[]): Promise<Result[]> {
  const { query } = judged;
  const plain = byGraphqlJs(judged);
  const results: Result[] = [];
  for (const variables of sets) results.push(await plain(variables));
  const again = results.findIndex(({ data }) => data !== null);
  for (const index of [...sets.keys(), ...(again === -1 ? [] : [again])]) {
    const variables = sets[index] ?? {};
    const result = await byGateway(query, variables);
    // `expect` with its message costs more than the run.
    if (isDeepStrictEqual(result, results[index])) continue;
    expect(result, `${query} with ${JSON.stringify(variables)}`).toEqual(results[index]);
  }
  return results;
}

const agree = (query: string, ...sets: readonly Variables[]) => agreeOn(judge(query), ...sets);

const DECLARATIONS = ['', '!', ' = ', '! = '];

function* declarationsOf(type: GraphQLInputType, printed: string): Generator<string> {
  for (const declaration of DECLARATIONS) {
    yield `${printed}${declaration}${declaration.endsWith('= ') ? literalsOf(type)[0] : ''}`;
  }
}

/** Values for a variable, null, and no value. */
function givenOf(type: GraphQLInputType): Variables[] {
  return [...valuesOf(type).map((x) => ({ x })), { x: null }, {}];
}

describe('variables reach resolvers as graphql-js coerces them, compiled or not', () => {
  test.each(inputTypes.map((type) => [type.name, type] as const))('%s', async (name, type) => {
    const literal = literalsOf(type)[0] ?? '';
    const required = `required: ${literal}`;
    const single = [
      ...['optional(v: $x)', 'required(v: $x)', 'default(v: $x)', `list(v: [$x, ${literal}])`, 'open(v: $x)'],
      ...[`open(v: [${literal}, $x])`, `holder(v: {${required}, optional: $x})`, 'holder(v: {required: $x})'],
      ...['withDefault: $x', 'list: [$x]', 'list: $x'].map((field) => `holder(v: {${required}, ${field}})`),
    ];
    const places: [GraphQLInputType, string, string[]][] = [
      [type, name, single],
      [
        new GraphQLList(new GraphQLNonNull(type)),
        `[${name}!]`,
        ['list(v: $x)', 'open(v: $x)', `holder(v: {${required}, list: $x})`],
      ],
      [new GraphQLList(type), `[${name}]`, ['open(v: $x)']],
    ];
    let ran = 0;
    for (const [variable, printed, fields] of places) {
      for (const declaration of declarationsOf(variable, printed)) {
        for (const field of fields) {
          const judged = judge(`query ($x: ${declaration}) { a: ${name}_${field} }`);
          if (judged.invalid.length > 0) continue;
          ran += (await agreeOn(judged, ...givenOf(variable))).length;
        }
      }
    }
    expect(ran).toBeGreaterThan(40);
  });

  test('literals of every type', async () => {
    for (const type of inputTypes) {
      for (const literal of literalsOf(type)) {
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
        const [result] = await agree(
          `{ ${fields.map((field, index) => `f${index}: ${type.name}_${field}`).join(' ')} }`,
          {},
        );
        expect(result?.errors).toEqual([]);
      }
    }
  });
});

describe('conditions have the same effect, compiled or not', () => {
  const SELECTIONS = [
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
  ];
  const FRAGMENT = 'fragment F on Query { f: String_optional(v: "f") children { g: Boolean_optional(v: $y) } }';

  test.each(SELECTIONS)('%s', async (selection) => {
    const text = `{ ${selection} z: Boolean_optional(v: $x) y: Boolean_optional(v: $y) } ${selection.includes('...F') ? FRAGMENT : ''}`;
    const declarations = ['Boolean!', 'Boolean = true', 'Boolean! = true', 'Boolean! = false'];
    for (const declared of declarations) {
      const sets = [{ x: true }, { x: false }, { x: null }, {}].flatMap((set) =>
        [true, false].map((y) => ({ ...set, y })),
      );
      await agree(`query ($x: ${declared}, $y: Boolean!) ${text}`, ...sets);
    }
  });

  test.each([
    'a: String_optional @skip(if: $x)',
    'child { a: String_optional @include(if: $x) }',
    '... @include(if: $x) { a: String_optional }',
  ])('a null condition is bad input: %s', async (selection) => {
    const [result] = await agree(`query ($x: Boolean = true) { ${selection} }`, { x: null });
    expect(result?.errors).toEqual([expect.stringContaining('BAD_USER_INPUT')]);
  });

  test('of more variables than an operation is compiled for', async () => {
    const names = [...'abcde'];
    const query = `query (${names.map((name) => `$${name}: Boolean!`).join(' ')}) {
      ${names.map((name) => `${name}: String_optional(v: "${name}") @include(if: $${name})`).join(' ')} }`;
    const sets = Array.from({ length: 32 }, (_, bits) =>
      Object.fromEntries(names.map((name, index) => [name, (bits & (1 << index)) !== 0])),
    );
    const results = await agree(query, ...sets);
    expect(results.map(({ data }) => Object.keys(data as object))).toEqual(
      sets.map((set) => names.filter((name) => set[name])),
    );
  });
});

test('no literal becomes code', async () => {
  const global = globalThis as { injected?: boolean };
  const literals = [
    '"__MAGIC_DATE__33a9e76d_02e0_4128_8e92_3530ad3da74dglobalThis.injected = true"',
    '"__MAGIC_NAN__57f286b9_4c20_487f_b409_79804ddcb4f8"',
    '"`$' + '{globalThis.injected = true}`"',
    '"\\u2028\\"); globalThis.injected = true; //"',
  ];
  for (const literal of literals) {
    const text = `a: String_optional(v: ${literal}) b: JSONObject_optional(v: {a: [${literal}]})`;
    await agree(`query ($x: String = ${literal}) { ${text} c: String_optional(v: $x) }`, {});
  }
  expect(global.injected).toBeUndefined();
});
