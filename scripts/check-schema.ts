import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { buildSchema, findBreakingChanges, findDangerousChanges, type GraphQLSchema, isObjectType } from 'graphql';

/**
 * `npm run check:schema` lists the changes of the committed schemas that break clients and routers. It compares the files
 * with HEAD, or with HEAD~1 when they equal HEAD; `npm run check:schema -- REV` compares with another revision. It exits
 * with 1 for breaking changes, unless BREAKING_CHANGES=allowed. Dangerous changes do not affect the exit code.
 */
const FILES = ['schema/gateway.graphql', 'schema/subgraph.graphql'];

/** Returns the file at a revision; null when it does not exist there. */
function readCommitted(file: string, revision: string): string | null {
  try {
    return execFileSync('git', ['show', `${revision}:${file}`], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    return null;
  }
}

/** Returns the `@key` directives of a subgraph's entities, one line for each. */
function keysOf(schema: GraphQLSchema): string[] {
  return Object.values(schema.getTypeMap()).flatMap((type) => {
    const directives = isObjectType(type) ? (type.astNode?.directives ?? []) : [];
    return directives.flatMap(({ name, arguments: args }) => {
      const fields = args?.find((argument) => argument.name.value === 'fields')?.value;
      return name.value === 'key' && fields?.kind === 'StringValue' ? [`${type.name} @key "${fields.value}"`] : [];
    });
  });
}

/** Prints the changes of one file. Returns the number of breaking changes. */
function check(file: string, against: string | undefined): number {
  const now = readFileSync(file, 'utf8');
  const revision = against ?? (readCommitted(file, 'HEAD') === now ? 'HEAD~1' : 'HEAD');
  const before = readCommitted(file, revision);
  if (before === null) {
    process.stdout.write(`${file}: not compared, since ${revision} does not have it.\n`);
    return 0;
  }
  // Assumed valid: the specification that a subgraph links to defines its directives, not the file.
  const [old, current] = [before, now].map((sdl) => buildSchema(sdl, { assumeValidSDL: true })) as [
    GraphQLSchema,
    GraphQLSchema,
  ];
  const keys = new Set(keysOf(current));
  const breaking = [
    ...findBreakingChanges(old, current).map(({ description }) => description),
    ...keysOf(old)
      .filter((key) => !keys.has(key))
      .map((key) => `${key} was removed.`),
  ];
  const dangerous = findDangerousChanges(old, current);
  for (const { description } of dangerous) process.stdout.write(`dangerous: ${description}\n`);
  for (const description of breaking) process.stdout.write(`BREAKING: ${description}\n`);
  process.stdout.write(
    `${file}: ${breaking.length} breaking and ${dangerous.length} dangerous changes since ${revision}.\n`,
  );
  return breaking.length;
}

const [revision] = process.argv.slice(2);
if (revision?.startsWith('-')) {
  const isHelp = revision === '--help';
  process[isHelp ? 'stdout' : 'stderr'].write(
    `${isHelp ? '' : `Unknown option ${revision}. `}Usage: npm run check:schema -- [REVISION]\n`,
  );
  process.exit(isHelp ? 0 : 2);
}
const breaking = FILES.filter((file) => existsSync(file)).reduce((sum, file) => sum + check(file, revision), 0);
if (breaking > 0 && process.env.BREAKING_CHANGES !== 'allowed') process.exitCode = 1;
