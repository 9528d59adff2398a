import { readFileSync } from 'node:fs';
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
import { readConfig, readDeclaredFields } from '../config/config.ts';
import { RESOURCES, type Resource } from '../datatrics/endpoints.ts';
import { Masking } from '../datatrics/masking.ts';
import type { CostSettings } from '../graph/cost.ts';
import { studyOperation } from '../graph/operation-facts.ts';
import { createPlanner, type PlanEntry } from '../graph/plan.ts';
import { buildSchema } from '../graph/schema.ts';
import { readArguments, run, UsageError } from './usage.ts';

const HELP = `Estimates the REST calls of each operation, without running it.

Usage: npm run cost -- [options] FILE.graphql …

Prints the minimum and the maximum number of calls of each operation, and the field that makes the most calls. An asterisk
marks an estimate that assumes --list items for a list without a page size. A fragment may be in any of the files.

Options:
  --max N           exit with 1 when an operation may make more than N calls
  --variables JSON  values of the operations' variables, such as page sizes (default: the defaults in the operations)
  --sources COUNTS  configured sources of the gateway, such as 2, or profile=3,content=2 (default: 1 of each resource);
                    a read without a source tries all of them
  --list N          items of a list without a page size (default: 10)
  --config FILE     configuration file with the custom fields that the operations use (default: GATEWAY_CONFIG)
  --json            print one JSON object per operation, with the whole plan
  --help            print this text

Examples:
  npm run -s cost -- schema/operations/06-conversions-to-profiles.graphql --max 100
  npm run -s cost -- schema/operations/*.graphql --sources profile=3,content=2,conversion=2,interaction=2
The second one prints the plans of a gateway on the sandbox.

Exit codes:
  0  all operations are within --max
  1  an operation is over --max
  2  wrong usage, or documents that do not match the schema
`;

const RESOURCE_NAMES = Object.keys(RESOURCES) as Resource[];
type SourceCounts = Readonly<Record<Resource, number>>;

function readOptions() {
  const { values, positionals } = readArguments(HELP, {
    allowPositionals: true,
    options: {
      max: { type: 'string' },
      variables: { type: 'string', default: '{}' },
      sources: { type: 'string', default: '1' },
      list: { type: 'string', default: '10' },
      config: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  } as const);
  if (positionals.length === 0) throw new UsageError('No file given: name one or more .graphql files.');
  return {
    files: positionals,
    max: values.max === undefined ? Number.POSITIVE_INFINITY : whole('max', values.max),
    variables: readVariables(values.variables),
    sources: readSources(values.sources),
    list: whole('list', values.list),
    config: values.config,
    json: values.json,
  };
}

type Options = ReturnType<typeof readOptions>;

function whole(name: string, text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--${name} must be a whole number, not "${text}".`);
  return Number(text);
}

/** Reads one number for all resources, or `profile=3,content=2`. */
function readSources(text: string): SourceCounts {
  const counts = { profile: 1, content: 1, conversion: 1, interaction: 1 };
  for (const part of text.includes('=') ? text.split(',') : RESOURCE_NAMES.map((name) => `${name}=${text}`)) {
    const [name, count = ''] = part.split('=');
    const resource = RESOURCE_NAMES.find((known) => known === name);
    if (!resource)
      throw new UsageError(`--sources: got "${part}"; needs ${RESOURCE_NAMES.join(', ')}, each with "=" and a number.`);
    counts[resource] = whole('sources', count);
  }
  return counts;
}

function readVariables(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Same error as for JSON that is not an object.
  }
  throw new UsageError(`--variables must be a JSON object, not ${text}.`);
}

function readDocuments(files: readonly string[], schema: GraphQLSchema): DocumentNode {
  const document = concatAST(
    files.map((file) => {
      try {
        return parse(new Source(readFileSync(file, 'utf8'), file));
      } catch (error) {
        if (error instanceof GraphQLError) throw new UsageError(error.toString());
        const { code } = error as NodeJS.ErrnoException;
        throw new UsageError(`${file} cannot be read (${code}): name a .graphql file with operations.`);
      }
    }),
  );
  const errors = validate(schema, document);
  if (errors.length > 0) throw new UsageError(errors.map(String).join('\n\n'));
  return document;
}

/** Returns given values and defaults. A variable without either is omitted, as if its argument were absent. */
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

type Row = ReturnType<typeof estimate>[number];

function estimate(options: Options) {
  const schema = buildSchema({ customFields: readDeclaredFields(options.config) });
  const document = readDocuments(options.files, schema);
  const { bulkLimits, ...defaults } = readConfig({});
  const named = RESOURCE_NAMES.map((resource) => [
    resource,
    Array.from({ length: options.sources[resource] }, (_, index) => `source ${index + 1}`),
  ]);
  const sources = Object.fromEntries(named) as Record<Resource, string[]>;
  const project = { ...defaults, filters: 'on', sources, masking: new Masking(defaults.masking) } as const;
  const settings: CostSettings = { projectId: '-', bulkLimits, project };
  const limits = {
    assumedListSize: options.list,
    maxEstimatedValues: Number.POSITIVE_INFINITY,
    maxRepresentations: Number.POSITIVE_INFINITY,
  };
  return document.definitions
    .filter((definition) => definition.kind === Kind.OPERATION_DEFINITION)
    .map((node) => {
      const variables = variablesOf(schema, node, options.variables);
      const facts = studyOperation(schema, document, node);
      const plan: PlanEntry[] = [];
      createPlanner(schema, node, facts, limits)(variables, settings, plan);
      const sum = (name: 'atLeast' | 'atMost'): number => plan.reduce((total, entry) => total + entry[name], 0);
      const operation = node.name?.value ?? `(anonymous ${node.operation})`;
      return { operation, atLeast: sum('atLeast'), atMost: sum('atMost'), plan };
    });
}

/** What the estimates depend on besides the operations: a gateway with other settings has other plans. */
function renderAssumptions({ sources, list }: Options, rows: readonly Row[]): string {
  const counts = RESOURCE_NAMES.map((resource) => `${resource}=${sources[resource]}`).join(',');
  const assumed = rows.some(({ plan }) => plan.some((entry) => entry.assumed)) ? `; * with --list ${list}` : '';
  return `For a gateway with --sources ${counts} and otherwise default settings${assumed}\n`;
}

function renderTable(rows: readonly Row[], max: number): string {
  const cells = rows.map(({ operation, atLeast, atMost, plan }) => {
    const [largest] = [...plan].sort((a, b) => b.atMost - a.atMost);
    const assumed = plan.some((entry) => entry.assumed) ? '*' : '';
    const where = largest ? `${largest.path.join('.')} (${largest.atMost})` : '-';
    return [operation, `${atLeast}`, `${atMost}${assumed}`, where, atMost > max ? `over ${max}` : ''];
  });
  const table = [['operation', 'at least', 'at most', 'largest field', ''], ...cells];
  const widthOf = (column: number): number => Math.max(...table.map((row) => row[column]?.length ?? 0));
  const lines = table.map((row) => row.map((cell, column) => cell.padEnd(widthOf(column))).join('  '));
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}

run('npm run cost', () => {
  const options = readOptions();
  const rows = estimate(options);
  process.stdout.write(
    options.json
      ? rows.map((row) => `${JSON.stringify(row)}\n`).join('')
      : `${renderTable(rows, options.max)}\n${renderAssumptions(options, rows)}`,
  );
  if (rows.some(({ atMost }) => atMost > options.max)) process.exitCode = 1;
});
