import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { buildSchema, findBreakingChanges, findDangerousChanges, type GraphQLSchema, isObjectType } from 'graphql';

/**
 * Names what a change of the schemas breaks for clients and routers, compared with the last commit's (or, where nothing has
 * changed since, with the one before): `npm run check:schema`, or with another revision `npm run check:schema -- REV`. Exit
 * code 1 for breaking changes, unless BREAKING_CHANGES=allowed says that they are meant; dangerous ones are listed only.
 */
const FILES = ['schema/gateway.graphql', 'schema/subgraph.graphql'];

function committed(file: string, revision: string): string | null {
  try {
    return execFileSync('git', ['show', `${revision}:${file}`], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    return null;
  }
}

/** The keys of a subgraph's entities, each as one line. */
function keysOf(schema: GraphQLSchema): string[] {
  return Object.values(schema.getTypeMap()).flatMap((type) => {
    const directives = isObjectType(type) ? (type.astNode?.directives ?? []) : [];
    return directives.flatMap(({ name, arguments: args }) => {
      const fields = args?.find((argument) => argument.name.value === 'fields')?.value;
      return name.value === 'key' && fields?.kind === 'StringValue' ? [`${type.name} @key "${fields.value}"`] : [];
    });
  });
}

/** Reports on one file; gives the number of breaking changes. */
function check(file: string, asked: string | undefined): number {
  const now = readFileSync(file, 'utf8');
  const revision = asked ?? (committed(file, 'HEAD') === now ? 'HEAD~1' : 'HEAD');
  const before = committed(file, revision);
  if (before === null) {
    process.stdout.write(`There is no ${file} in ${revision} to compare with.\n`);
    return 0;
  }
  // A subgraph's directives are defined by the specification that it links to.
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

const [asked] = process.argv.slice(2);
const breaking = FILES.filter((file) => existsSync(file)).reduce((sum, file) => sum + check(file, asked), 0);
if (breaking > 0 && process.env.BREAKING_CHANGES !== 'allowed') process.exitCode = 1;
