import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { expect } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { ConfigError } from '../../src/config/config-error.ts';
import { PROCESS_ENV } from './command.ts';
import { problemsOf } from './config.ts';
import { createFolder } from './files.ts';
import { startWithSandbox, type TestGateway } from './gateway.ts';
import type { Block, Page } from './page.ts';

const GATEWAY = 'http://localhost:4000';
const SANDBOX = 'http://localhost:4010';
/** Stands for something that only the reader knows. */
const OPEN = '…';

/**
 * Does what a page says, block by block, as a person would who starts in a fresh clone: writes its files, runs its commands in
 * one shell, starts what it starts, sends its operations to the gateway that runs by then, and compares what comes back
 * with what the page shows. Where a page starts no gateway, one with the sandbox is there.
 *
 * - `sh`: run; `npm start` and `npm run sandbox` go on in another terminal
 * - any language with `[file]`: written
 * - `graphql`, with `json variables` behind it when it has any: sent
 * - `json`, `text` behind one of these: the answer, the output; `…` in a text stands for anything
 * - `yaml`: checked, against the gateway's rules where it is a configuration file of its
 * - `ts`, `tsx`: stands like this in a program below examples/, or in test/helpers/retrying-clients.ts, which tests of their
 *   own run
 */
export class Reader {
  readonly #home = createFolder().folder;
  readonly #started: ChildProcess[] = [];
  #own: TestGateway | undefined;
  #gateway: string | undefined;
  #sandbox = SANDBOX;
  #output = '';

  constructor() {
    for (const name of ['src', 'packages', 'schema', 'assets', 'deploy', 'node_modules', 'package.json']) {
      symlinkSync(resolve(name), join(this.#home, name));
    }
    writeFileSync(join(this.#home, '.pwd'), this.#home);
    writeFileSync(join(this.#home, '.env.sh'), '');
  }

  async read(page: Page): Promise<void> {
    for (const [index, block] of page.blocks.entries()) {
      try {
        await this.#do(block, page.blocks[index + 1], page.blocks[index - 1]?.language);
      } catch (error) {
        const { message } = error as Error;
        throw new Error(`${page.path}:${block.line}: ${message}\n${this.#output.slice(-2_000)}`, { cause: error });
      }
    }
  }

  async close(): Promise<void> {
    for (const child of this.#started) await stop(child);
    await this.#own?.close();
  }

  async #do(block: Block, next: Block | undefined, after: string | undefined): Promise<void> {
    const { language, file, note, text } = block;
    if (language === 'yaml') checkYaml(text);
    if (file !== undefined) return this.#write(file, text);
    if (language === 'sh') return this.#shell(text, next);
    if (language === 'graphql') return this.#send(text, next);
    if (language === 'ts' || language === 'tsx') return expectInExamples(text);
    if (language === 'json') {
      const expected: unknown = JSON.parse(text);
      // Variables went with the operation before.
      if (note !== 'variables') expect(JSON.parse(this.#output)).toEqual(pattern(expected));
      return;
    }
    if (language === 'yaml') return;
    if (language === 'text' && after !== 'sh') return;
    if (language === 'text') return expect(this.#output.trim()).toEqual(pattern(text.trim()));
    if (language !== '') throw new Error(`nobody can tell what to do with ${language}`);
  }

  #write(file: string, text: string): void {
    const path = join(this.#home, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, this.#localized(text));
  }

  /** With the addresses of this run. */
  #localized(text: string): string {
    const gateway = this.#gateway ?? GATEWAY;
    return text
      .replaceAll(GATEWAY, gateway)
      .replaceAll(new URL(GATEWAY).host, new URL(gateway).host)
      .replaceAll(SANDBOX, this.#sandbox);
  }

  async #shell(text: string, next: Block | undefined): Promise<void> {
    const commands = withoutSetup(text);
    if (commands.trim() === '') return;
    if (/\bnpm start\b/.test(commands)) {
      if (commands.includes(OPEN)) return checkSettings(commands);
      await this.#stopAll('npm start');
      const [, url] = await this.#start(commands, 'npm start', /GraphiQL: (\S+)\/graphql/);
      this.#gateway = url;
      return;
    }
    if (/\bnpm run sandbox\b/.test(commands)) {
      const [, url] = await this.#start(commands, 'npm run sandbox', /sandbox {2}(\S+)\/2\.0/);
      this.#sandbox = url as string;
      return;
    }
    if (commands.includes(GATEWAY)) await this.#ensureGateway();
    await this.#run(commands);
    const isGraphql = commands.includes(`${GATEWAY}/graphql`) && this.#output.startsWith('{');
    if (isGraphql && next?.language !== 'json') expectSuccess(JSON.parse(this.#output));
  }

  async #send(query: string, next: Block | undefined): Promise<void> {
    await this.#ensureGateway();
    const variables: unknown = next?.note === 'variables' ? JSON.parse(next.text) : undefined;
    const response = await fetch(`${this.#gateway}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
    });
    this.#output = await response.text();
    const answer = JSON.parse(this.#output);
    // Where the page shows the answer, it may have errors.
    if (next?.language !== 'json' || next.note === 'variables') expectSuccess(answer);
  }

  async #ensureGateway(): Promise<void> {
    if (this.#gateway !== undefined) return;
    this.#own = await startWithSandbox();
    this.#gateway = this.#own.url;
  }

  /** In the folder, and with the exported variables, that the commands before left behind. */
  async #run(commands: string): Promise<void> {
    const script = `set -e\n. "$READER/.env.sh"\n${this.#localized(commands)}\npwd > "$READER/.pwd"\nexport -p > "$READER/.env.sh"\n`;
    const { error, stdout, stderr } = await new Promise<{ error: Error | null; stdout: string; stderr: string }>(
      (done) => {
        const options = { cwd: readFileSync(join(this.#home, '.pwd'), 'utf8').trim(), env: this.#env() };
        execFile('sh', ['-c', script], options, (error, stdout, stderr) => done({ error, stdout, stderr }));
      },
    );
    this.#output = stdout;
    if (error) throw new Error(`it fails: ${stderr}`);
  }

  #env(more: Record<string, string> = {}): NodeJS.ProcessEnv {
    const { NODE_ENV: _, VITEST: __, ...env } = process.env;
    return {
      ...env,
      ...PROCESS_ENV,
      READER: this.#home,
      PATH: [resolve('node_modules/.bin'), env.PATH].join(delimiter),
      ...more,
    };
  }

  /** Starts what goes on, and waits until it says where it is. */
  async #start(commands: string, what: string, said: RegExp): Promise<RegExpExecArray> {
    const child = spawn('sh', ['-c', `. "$READER/.env.sh"\n${this.#localized(commands)}`], {
      cwd: this.#home,
      env: this.#env({ PORT: '0', SANDBOX_PORT: '0' }),
      // A group of its own, since npm does not pass every signal on.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    Object.assign(child, { what });
    this.#started.push(child);
    this.#output = '';
    return await new Promise((done, fail) => {
      const look = (chunk: Buffer): void => {
        this.#output += chunk;
        const found = said.exec(this.#output);
        if (found) done(found);
      };
      child.stdout?.on('data', look);
      child.stderr?.on('data', look);
      child.once('exit', () => fail(new Error(`${what} ended: ${this.#output}`)));
    });
  }

  async #stopAll(what: string): Promise<void> {
    for (const child of this.#started) if ((child as { what?: string }).what === what) await stop(child);
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  child.removeAllListeners('exit');
  const gone = once(child, 'exit');
  process.kill(-child.pid, 'SIGTERM');
  await gone;
}

/** What has been done already where this runs: the installation, and the tests themselves. */
function withoutSetup(text: string): string {
  return text
    .split('\n')
    .filter((line) => !/^npm (ci|test)( && npm (ci|test))*$/.test(line.trim()))
    .join('\n');
}

function expectSuccess(answer: {
  data?: Record<string, unknown>;
  errors?: unknown;
  extensions?: { plan?: unknown };
}): void {
  expect(answer.errors).toBeUndefined();
  if (answer.extensions?.plan) return;
  for (const value of Object.values(answer.data ?? { data: null })) expect(value).not.toBeNull();
}

/** What is compared with: `…` stands for anything in a text, and alone for any value. */
function pattern(value: unknown): unknown {
  if (value === OPEN) return expect.anything();
  if (typeof value === 'string' && value.includes(OPEN)) {
    const parts = value.split(OPEN).map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    return expect.stringMatching(new RegExp(`^${parts.join('[\\s\\S]*')}$`));
  }
  if (Array.isArray(value)) return value.map(pattern);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, pattern(inner)]));
}

let programs: string | undefined;

function expectInExamples(text: string): void {
  programs ??= ['react', 'apollo-client', 'relay', 'node-script', 'trusted-documents']
    .flatMap((name) => [...listSources(`examples/${name}`), ...listSources(`examples/${name}/src`)])
    .concat('test/helpers/retrying-clients.ts')
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
  expect(programs.includes(text), 'no program that tests run has these lines').toBe(true);
}

function listSources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.tsx?$/.test(entry.name))
    .map(({ name }) => join(folder, name));
}

/**
 * Checks a YAML file; one of the gateway's settings with everything in the environment that stands there.
 * @throws ConfigError
 */
export function checkYaml(text: string): void {
  const content: unknown = parseYaml(text);
  if (typeof content !== 'object' || content === null) return;
  const names = readFileSync('.env.example', 'utf8');
  if (!Object.keys(content).every((name) => name === 'projects' || names.includes(`${name}=`))) return;
  const path = createFolder().write('gateway.yml', text);
  const keys = [...text.matchAll(/apiKeyFrom: (\w+)/g)].map(([, name]) => [name, 'key']);
  const outside = { PII_KEY: 'sixteen-characters', DATATRICS_URL: 'https://api.datatrics.com/2.0' };
  const mode = 'AUTH_MODE' in content ? {} : { AUTH_MODE: 'passthrough' };
  expectConfig({ ...outside, ...mode, GATEWAY_CONFIG: path, ...Object.fromEntries(keys) });
}

/**
 * Checks the settings in front of a command against the gateway's own rules; `…` counts as a secret, and files as there.
 * @throws ConfigError
 */
export function checkSettings(commands: string): void {
  const settings = Object.fromEntries(
    [...commands.matchAll(/\b([A-Z][A-Z0-9_]+)=(\S*)/g)].map(([, name, value]) => [
      name as string,
      (value as string).replaceAll(OPEN, 'sixteen-characters'),
    ]),
  );
  const known = readFileSync('.env.example', 'utf8');
  for (const name of Object.keys(settings)) {
    if (!known.includes(`${name}=`)) throw new Error(`there is no setting ${name}`);
  }
  expectConfig(settings);
}

/** Files that the reader would have are taken as there. */
function expectConfig(settings: Record<string, string>): void {
  const missing = /^(\w+_FILE|GATEWAY_CONFIG): got .*ENOENT/;
  const problems = problemsOf(settings).filter((problem) => !missing.test(problem));
  if (problems.length > 0) throw new ConfigError(problems);
}
