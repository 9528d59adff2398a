import { hash, timingSafeEqual } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import { PROJECT_ID } from './principal.ts';
import { isScope, SCOPES } from './scopes.ts';

/** A static token as it is configured: who it is for, and a hash by which it is known again. */
const token = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'letters, digits, _ and -'),
  hash: z.string().regex(/^sha256:[A-Za-z0-9_-]{43}$/, '«sha256:» and 43 characters, as npm run token prints them'),
  scopes: z.array(z.string().refine(isScope, `one of ${SCOPES.join(', ')}`)),
  projects: z.array(z.string().regex(PROJECT_ID, 'a project id')),
});

export type StaticToken = z.infer<typeof token>;

const file = z
  .array(token)
  .refine((tokens) => new Set(tokens.map(({ id }) => id)).size === tokens.length, 'ids that differ');

/** What opens a static token, so that leaked ones can be searched for. */
const PREFIX = 'dtg';

/** A token's text: its id is readable, its secret is 32 random bytes. */
export function formatToken(id: string, secret: Buffer): string {
  return `${PREFIX}.${id}.${secret.toString('base64url')}`;
}

/** A secret of 32 random bytes can't be guessed, so a fast hash does; a slow one would cost every request. */
export function hashToken(text: string): string {
  return `sha256:${hash('sha256', text, 'base64url')}`;
}

/**
 * Reads a list of tokens.
 * @throws Error that says what is wrong with the file, without showing what is in it
 */
export function readTokens(path: string): StaticToken[] {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error((error as NodeJS.ErrnoException).code ?? 'it is no JSON');
  }
  const parsed = file.safeParse(json);
  if (parsed.success) return parsed.data;
  const needs = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the list'} needs ${message}`);
  throw new Error(needs.join('; '));
}

/** ms between two looks at whether the file has changed. */
const LOOK_MS = 1_000;

/** The tokens of a file, read again when that changes. While it can't be read no token is valid. */
export class TokenStore {
  readonly #path: string;
  readonly #onProblem: (problem: string) => void;
  #tokens: ReadonlyMap<string, StaticToken>;
  #version: string;
  #looked = performance.now();

  /** @throws Error that says what is wrong with the file */
  constructor(path: string, onProblem: (problem: string) => void) {
    this.#path = path;
    this.#onProblem = onProblem;
    this.#version = this.#stat();
    this.#tokens = byId(readTokens(path));
  }

  /**
   * The token with this text, or null. Takes as long for an id that exists as for one that does not.
   */
  find(text: string): StaticToken | null {
    this.#refresh();
    const [prefix, id] = text.split('.');
    if (prefix !== PREFIX || id === undefined) return null;
    const known = this.#tokens.get(id);
    const isRight = timingSafeEqual(Buffer.from(hashToken(text)), Buffer.from(known?.hash ?? NOBODY));
    return isRight && known ? known : null;
  }

  #refresh(): void {
    const now = performance.now();
    if (now - this.#looked < LOOK_MS) return;
    this.#looked = now;
    const version = this.#stat();
    if (version === this.#version) return;
    this.#version = version;
    try {
      this.#tokens = byId(readTokens(this.#path));
    } catch (error) {
      this.#tokens = new Map();
      this.#onProblem((error as Error).message);
    }
  }

  /** Differs when the file may. The time of change as well as that of writing: the latter can be set to whatever it was. */
  #stat(): string {
    try {
      const { mtimeMs, ctimeMs, size, ino } = statSync(this.#path);
      return `${mtimeMs} ${ctimeMs} ${size} ${ino}`;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? 'gone';
    }
  }
}

/** The hash of no token. */
const NOBODY = `sha256:${'A'.repeat(43)}`;

function byId(tokens: readonly StaticToken[]): Map<string, StaticToken> {
  return new Map(tokens.map((entry) => [entry.id, entry]));
}
