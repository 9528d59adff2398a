import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join, resolve } from 'node:path';

export interface Stage {
  readonly name: string;
  readonly base: string;
  readonly steps: { readonly name: string; readonly rest: string }[];
}

export const text = readFileSync('Dockerfile', 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'container-'));
export const removeImages = (): Promise<void> => rm(folder, { recursive: true, force: true });

/** Instructions in order, continuation lines joined. */
export const instructions = text
  .replaceAll('\\\n', ' ')
  .split('\n')
  .filter((line) => /^[A-Z]+ /.test(line))
  .map((line) => ({ name: line.slice(0, line.indexOf(' ')), rest: line.slice(line.indexOf(' ') + 1).trim() }));
/** Stages in order, each with its instructions. */
export const stages: Stage[] = [];
for (const { name, rest } of instructions) {
  const [base = '', , stage = ''] = rest.split(' ');
  if (name === 'FROM') stages.push({ name: stage, base, steps: [] });
  else stages.at(-1)?.steps.push({ name, rest });
}
export const last = (name: string): string =>
  instructions.findLast((instruction) => instruction.name === name)?.rest ?? '';

/** Runs the steps of a stage and of those that it needs; gives the folder that stands for its working directory. */
export function build(name: string): string {
  const target = join(folder, name);
  const stage = stages.find((each) => each.name === name);
  if (stage === undefined || existsSync(target)) return target;
  if (stages.some((each) => each.name === stage.base)) cpSync(build(stage.base), target, { recursive: true });
  else mkdirSync(target);
  // The image's Node is the current one; npm runs on whatever is here.
  const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}` };
  for (const { name: step, rest } of stage.steps) {
    if (step === 'RUN') execFileSync('sh', ['-c', rest], { cwd: target, env, stdio: 'pipe' });
    if (step !== 'COPY') continue;
    const [, other] = /^--from=(\S+) /.exec(rest) ?? [];
    const from = other === undefined ? resolve('.') : build(other);
    const paths = rest.replace(/^--from=\S+ /, '').split(' ');
    const to = paths.pop() as string;
    // A folder's content goes to the target, a file into it.
    for (const path of paths) {
      const source = join(from, path.replace(/^\/app\//, ''));
      const goal = statSync(source).isDirectory() ? join(target, to) : join(target, to, basename(path));
      const filter = (each: string): boolean => other !== undefined || basename(each) !== 'node_modules';
      cpSync(source, goal, { recursive: true, verbatimSymlinks: true, filter });
    }
  }
  return target;
}

/** Starts a program with a root that it cannot write, and, where that is permitted, without rights and as another user. */
export function spawnAsInContainer(stage: string, args: readonly string[], env: NodeJS.ProcessEnv) {
  const isRoot = process.getuid?.() === 0;
  const mounts = [...(isRoot ? [] : ['--map-root-user']), '--mount'];
  // A machine may forbid mounts, as some containers do.
  if (spawnSync('unshare', [...mounts, 'true']).status !== 0) return spawn(process.execPath, args, { cwd: stage, env });
  const readOnly =
    'for path in / "$0"; do mount --bind "$path" "$path" && mount -o remount,ro,bind "$path" || exit 1; done; ' +
    '! touch "$0/x" 2> /dev/null && cd "$0" && exec "$@"';
  const node = join(folder, 'node');
  cpSync(process.execPath, node);
  chmodSync(folder, 0o755);
  return spawn(
    'unshare',
    [
      ...[...mounts, 'sh', '-c', readOnly, stage],
      ...(isRoot ? ['setpriv', '--reuid=1000', '--regid=1000', '--clear-groups', '--bounding-set=-all', '--'] : []),
      ...[node, ...args],
    ],
    { env },
  );
}

/** Exit code of the health check. */
export function healthOf(port: string): Promise<number> {
  const [command, ...args] = JSON.parse(last('HEALTHCHECK').replace(/^.*?CMD /, '')) as [string, ...string[]];
  return new Promise((done) => {
    const options = { env: { PATH: process.env.PATH, PORT: port } };
    execFile(command, args, options, (error) => done(error === null ? 0 : Number(error.code)));
  });
}
