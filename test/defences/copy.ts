import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { type Edit, occurrences } from './mutation.ts';

/** How one test ended. */
export interface TestResult {
  /** Its own name behind those of what it stands in, as in `a list > of nothing > is empty`. */
  readonly name: string;
  readonly passed: boolean;
}

/** A run that takes longer hangs. */
const MAX_MS = 120_000;

/** A copy of the working tree in which defences are taken out, so that the tree itself is never broken. */
export class Copy {
  readonly #folder = mkdtempSync(join(tmpdir(), 'defences-'));
  /** The run of tests under way. */
  #child: ChildProcess | undefined;

  constructor() {
    const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      encoding: 'utf8',
    });
    for (const path of listed.split('\0').filter((path) => path !== '')) {
      const target = join(this.#folder, path);
      mkdirSync(dirname(target), { recursive: true });
      // What was deleted and not yet committed is listed, too.
      cpSync(path, target, { force: true, recursive: true, filter: (from) => from === path });
    }
    const modules = join(this.#folder, 'node_modules');
    mkdirSync(modules);
    for (const name of readdirSync('node_modules')) {
      if (name !== '@datatrics-gateway') symlinkSync(resolve('node_modules', name), join(modules, name));
    }
    // These links lead to the copy's own packages.
    const links = { recursive: true, verbatimSymlinks: true };
    cpSync('node_modules/@datatrics-gateway', join(modules, '@datatrics-gateway'), links);
  }

  /**
   * Makes the edits, and gives a function that takes them back.
   * @throws Error when a text is not found exactly once
   */
  edit(edits: readonly Edit[]): () => void {
    const before = new Map<string, string>();
    const undo = (): void => {
      for (const [path, text] of before) writeFileSync(path, text);
    };
    try {
      for (const { file, find, replace } of edits) {
        const path = join(this.#folder, file);
        const text = readFileSync(path, 'utf8');
        if (!before.has(path)) before.set(path, text);
        if (occurrences(text, find) !== 1) throw new Error(`${file} has ${occurrences(text, find)} times: ${find}`);
        writeFileSync(
          path,
          text.replace(find, () => replace),
        );
      }
    } catch (error) {
      undo();
      throw error;
    }
    return undo;
  }

  /**
   * Runs the tests of a file, all of them or those with this in their names, and gives the results of those that ran; null
   * when the file can't be loaded.
   */
  test(file: string, name?: string): Promise<readonly TestResult[] | 'hangs' | null> {
    const report = join(this.#folder, 'report.json');
    rmSync(report, { force: true });
    const { VITEST: _, NODE_ENV: __, ...env } = process.env;
    const args = [
      resolve('node_modules/vitest/vitest.mjs'),
      'run',
      ...(file.startsWith('test/e2e/') ? ['--config', 'vitest.e2e.config.ts'] : []),
      ...(name === undefined ? [] : ['-t', name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')]),
      '--reporter=json',
      `--outputFile=${report}`,
      file,
    ];
    const child = spawn(process.execPath, args, { cwd: this.#folder, env, stdio: 'ignore', detached: true });
    this.#child = child;
    return new Promise((done) => {
      let hangs = false;
      const timer = setTimeout(() => {
        hangs = true;
        this.#stop();
      }, MAX_MS);
      child.once('close', () => {
        clearTimeout(timer);
        this.#child = undefined;
        done(hangs ? 'hangs' : readReport(report));
      });
    });
  }

  /** Ends the run under way, with whatever it has started. */
  #stop(): void {
    if (this.#child?.pid !== undefined) process.kill(-this.#child.pid, 'SIGKILL');
  }

  remove(): void {
    this.#stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

interface Report {
  readonly testResults: readonly {
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[];
      readonly title: string;
      readonly status: string;
    }[];
  }[];
}

function readReport(path: string): readonly TestResult[] | null {
  let report: Report;
  try {
    report = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
  const all = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  if (all.length === 0) return null;
  return all
    .filter(({ status }) => status === 'passed' || status === 'failed')
    .map(({ ancestorTitles, title, status }) => ({
      name: [...ancestorTitles, title].join(' > '),
      passed: status === 'passed',
    }));
}
