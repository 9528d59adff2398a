import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { buildSchema, findBreakingChanges, findDangerousChanges } from 'graphql';

/**
 * Names what a change of the schema breaks for clients, compared with the last commit's (or, where nothing has changed
 * since, with the one before): `npm run check:schema`, or with another revision `npm run check:schema -- REV`. Exit code 1
 * for breaking changes, unless BREAKING_CHANGES=allowed says that they are meant; dangerous ones are listed only.
 */
const FILE = 'schema/gateway.graphql';

function committed(revision: string): string | null {
  try {
    return execFileSync('git', ['show', `${revision}:${FILE}`], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    return null;
  }
}

const now = readFileSync(FILE, 'utf8');
const [asked] = process.argv.slice(2);
const revision = asked ?? (committed('HEAD') === now ? 'HEAD~1' : 'HEAD');
const before = committed(revision);
if (before === null) {
  process.stdout.write(`There is no ${FILE} in ${revision} to compare with.\n`);
} else {
  const [old, current] = [buildSchema(before), buildSchema(now)];
  const breaking = findBreakingChanges(old, current);
  const dangerous = findDangerousChanges(old, current);
  for (const { description } of dangerous) process.stdout.write(`dangerous: ${description}\n`);
  for (const { description } of breaking) process.stdout.write(`BREAKING: ${description}\n`);
  process.stdout.write(`${breaking.length} breaking and ${dangerous.length} dangerous changes since ${revision}.\n`);
  if (breaking.length > 0 && process.env.BREAKING_CHANGES !== 'allowed') process.exitCode = 1;
}
