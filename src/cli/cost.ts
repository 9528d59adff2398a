import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { GraphQLInputType } from 'graphql';
import {
  concatAST,
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  parse,
  Source,
  typeFromAST,
  validate,
  valueFromAST,
} from 'graphql';
import { Masking } from '../datatrics/masking.ts';
import type { CostSettings } from '../graph/field-cost.ts';
import { studyOperation } from '../graph/operation-facts.ts';
import { createPlanner, type PlanEntry } from '../graph/plan.ts';
import { buildSchema } from '../graph/schema.ts';
import { declaredFields, isUsageProblem, UsageError } from './usage.ts';

const HELP = `How many REST calls may each operation make? Nothing is run and nobody is asked.

Usage: npm run cost -- [options] FILE.graphql …

Fragments may stand in any of the files. An operation's calls are given as the least and the most it can make, with the
link that makes most of them; * marks figures in which a list without a page size was assumed to have --list items.

Options:
  --max N          exit with 1 when an operation may make more than N calls
  --variables JSON values of the operations' variables; page sizes matter most (default: their own defaults)
  --sources N      sources configured for each resource, tried when a read names none (default: 1)
  --list N         items of a list without a page size (default: 10)
  --config FILE    configuration with custom fields that the operations may use (default: GATEWAY_CONFIG)
  --json           one JSON object per operation, with its whole plan
  --help           this text

Exit code: 0, 1 when an operation is over --max, 2 for wrong usage or documents that do not fit the schema.
`;

interface Options {
  readonly files: readonly string[];
  readonly max: number;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly sources: number;
  readonly list: number;
  readonly config: string | undefined;
  readonly json: boolean;
}

function readOptions(argv: readonly string[]): Options | 'help' {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      max: { type: 'string' },
      variables: { type: 'string', default: '{}' },
      sources: { type: 'string', default: '1' },
      list: { type: 'string', default: '10' },
      config: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  if (positionals.length === 0) throw new UsageError('No file given.');
  const whole = (name: string, text: string): number => {
    if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--${name} must be a whole number, not "${text}".`);
    return Number(text);
  };
  return {
    files: positionals,
    max: values.max === undefined ? Number.POSITIVE_INFINITY : whole('max', values.max),
    variables: readVariables(values.variables),
    sources: whole('sources', values.sources),
    list: whole('list', values.list),
    config: values.config,
    json: values.json,
  };
}

function readVariables(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // told below
  }
  throw new UsageError('--variables must be a JSON object.');
}

function readDocuments(files: readonly string[], schema: GraphQLSchema): DocumentNode {
  const document = concatAST(
    files.map((file) => {
      try {
        return parse(new Source(readFileSync(file, 'utf8'), file));
      } catch (error) {
        throw new UsageError(error instanceof GraphQLError ? error.toString() : `${file}: ${(error as Error).message}`);
      }
    }),
  );
  const errors = validate(schema, document);
  if (errors.length > 0) throw new UsageError(errors.map(String).join('\n\n'));
  return document;
}

/** Given values and defaults; what is missing stays out, as if the argument had not been written. */
function variablesOf(
  schema: GraphQLSchema,
  node: OperationDefinitionNode,
  given: Options['variables'],
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const { variable, type, defaultValue } of node.variableDefinitions ?? []) {
    const name = variable.name.value;
    if (name in given) values[name] = given[name];
    else if (defaultValue) values[name] = valueFromAST(defaultValue, typeFromAST(schema, type) as GraphQLInputType);
  }
  return values;
}

interface Row {
  readonly operation: string;
  readonly atLeast: number;
  readonly atMost: number;
  readonly plan: readonly PlanEntry[];
}

function costs(options: Options): Row[] {
  const schema = buildSchema({ customFields: declaredFields(options.config) });
  const { definitions } = readDocuments(options.files, schema);
  const fragments = new Map(
    definitions
      .filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION)
      .map((node) => [node.name.value, node]),
  );
  const sources = Array.from({ length: options.sources }, (_, index) => `source ${index + 1}`);
  const settings: CostSettings = {
    projectId: '-',
    bulkLimits: { maxItems: 1_000, chunkItems: 50, chunkBytes: 1_048_576, concurrency: 4, extraRequests: 200 },
    project: {
      sources: { profile: sources, content: sources, conversion: sources, interaction: sources },
      filters: 'on',
      conversionProfileField: 'profileid',
      timeZone: 'UTC',
      pageLimit: 500,
      batchReads: 'off',
      masking: new Masking({ mode: 'null', fields: [] }),
    },
  };
  return definitions
    .filter((definition) => definition.kind === Kind.OPERATION_DEFINITION)
    .map((node) => {
      const variables = variablesOf(schema, node, options.variables);
      const facts = studyOperation(schema, node, fragments);
      const planner = createPlanner(schema, node, fragments, facts, { assumedListSize: options.list });
      const plan = planner.plan(variables, settings);
      const sum = (name: 'atLeast' | 'atMost'): number => plan.reduce((total, entry) => total + entry[name], 0);
      const operation = node.name?.value ?? `(${node.operation} without a name)`;
      return { operation, atLeast: sum('atLeast'), atMost: sum('atMost'), plan };
    });
}

function renderTable(rows: readonly Row[], max: number): string {
  const cells = rows.map(({ operation, atLeast, atMost, plan }) => {
    const [dominant] = [...plan].sort((a, b) => b.atMost - a.atMost);
    const assumed = plan.some((entry) => entry.assumed) ? '*' : '';
    const where = dominant ? `${dominant.path.join('.')} (${dominant.atMost})` : '-';
    return [operation, String(atLeast), `${atMost}${assumed}`, where, atMost > max ? `over ${max}` : ''];
  });
  const table = [['operation', 'at least', 'at most', 'most of them', ''], ...cells];
  const widths = (table[0] as string[]).map((_, column) =>
    Math.max(...table.map((row) => (row[column] as string).length)),
  );
  return `${table
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] as number))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')}\n`;
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options === 'help') process.stdout.write(HELP);
  else {
    const rows = costs(options);
    process.stdout.write(
      options.json ? rows.map((row) => `${JSON.stringify(row)}\n`).join('') : renderTable(rows, options.max),
    );
    if (rows.some(({ atMost }) => atMost > options.max)) process.exitCode = 1;
  }
} catch (error) {
  if (!isUsageProblem(error)) throw error;
  process.stderr.write(`${(error as Error).message}\n\nnpm run cost -- --help tells more.\n`);
  process.exitCode = 2;
}
