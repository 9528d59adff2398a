import { availableParallelism } from 'node:os';
import { Copy } from './copy.ts';
import { editsOf, type Mutation } from './mutation.ts';
import { ROWS } from './rows.ts';

/**
 * `npm run defences`: takes every defence of docs/security.md out, one after the other, in copies of the tree, and runs the
 * test that is to fail without it. Ends with 1 when one does not.
 * `npm run defences -- header` takes out those with this in their row, their name, their file or their test's.
 * `JOBS` copies are worked on at once.
 */
const [wanted = ''] = process.argv.slice(2);
const jobs = Number(process.env.JOBS ?? Math.max(1, Math.floor(availableParallelism() / 2)));

interface Task {
  readonly tries: string;
  readonly mutation: Mutation;
}

const tasks: readonly Task[] = ROWS.flatMap(({ tries, mutations }) =>
  mutations.map((mutation) => ({ tries, mutation })),
).filter(({ tries, mutation: { defence, file, test } }) =>
  [tries, defence, file, ...test].some((text) => text.includes(wanted)),
);

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Tests that do not pass with every defence in its place: their failures would tell nothing. */
async function failingTests(copy: Copy): Promise<Set<string>> {
  const failing = new Set<string>();
  for (const file of new Set(tasks.map(({ mutation }) => mutation.test[0]))) {
    const ran = await copy.test(file);
    const results = ran === null || ran === 'hangs' ? [] : ran;
    for (const { mutation } of tasks) {
      const [ofFile, name] = mutation.test;
      if (ofFile !== file) continue;
      const own = results.filter((test) => test.name.includes(name));
      if (own.length === 0 || own.some(({ passed }) => !passed)) failing.add(mutation.test.join(', '));
    }
  }
  return failing;
}

/**
 * What becomes of the test without the defence. Sources that can't be loaded fail every test, and show nothing; a run that
 * hangs is one that its time-out would have failed, had it been let.
 */
async function judge(copy: Copy, mutation: Mutation): Promise<'fails' | 'hangs' | 'SURVIVES' | 'BROKEN'> {
  const undo = copy.edit(editsOf(mutation));
  try {
    const [file, name] = mutation.test;
    const results = await copy.test(file, name);
    if (results === 'hangs') return 'hangs';
    if (results === null) return 'BROKEN';
    return results.some((test) => !test.passed && test.name.includes(name)) ? 'fails' : 'SURVIVES';
  } finally {
    undo();
  }
}

const copies = Array.from({ length: Math.max(1, Math.min(jobs, tasks.length)) }, () => new Copy());
process.once('exit', () => {
  for (const copy of copies) copy.remove();
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const failing = await failingTests(copies[0] as Copy);
for (const test of failing) say(`FAILS WITH ALL DEFENCES | ${test}`);
const queue = [...tasks];
const survivors: string[] = [];
await Promise.all(
  copies.map(async (copy) => {
    for (let task = queue.shift(); task; task = queue.shift()) {
      const { tries, mutation } = task;
      const start = performance.now();
      const verdict = await judge(copy, mutation).catch((error: Error) => error.message);
      const line = [verdict, tries, mutation.defence, ...mutation.test].join(' | ');
      if (verdict !== 'fails' && verdict !== 'hangs') survivors.push(line);
      say(`${line} | ${((performance.now() - start) / 1000).toFixed(1)} s`);
    }
  }),
);
say(`${tasks.length - survivors.length} of ${tasks.length} defences have a test that fails without them.`);
for (const line of survivors) say(line);
process.exit(survivors.length + failing.size > 0 || tasks.length === 0 ? 1 : 0);
