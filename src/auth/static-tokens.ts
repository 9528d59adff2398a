import { hash, timingSafeEqual } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import { PROJECT_ID } from './principal.ts';
import { isScope, SCOPES } from './scopes.ts';

/** A configured static token, identified by its hash. */
const token = z.strictObject({
  id: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'letters, digits, _ and -'),
  hash: z.string().regex(/^sha256:[A-Za-z0-9_-]{43}$/, '«sha256:» and 43 characters, as npm run token prints them'),
  scopes: z.array(z.string().refine(isScope, `one of ${SCOPES.join(', ')}`)),
  projects: z.array(z.string().regex(PROJECT_ID, 'a project id')),
  expiresAt: z.iso.datetime({ message: 'a time in UTC such as 2027-01-31T00:00:00Z' }).optional(),
});

export type StaticToken = z.infer<typeof token>;

const file = z
  .array(token)
  .refine((tokens) => new Set(tokens.map(({ id }) => id)).size === tokens.length, 'ids that differ');

/** Prefix of every static token, so that scanners can find leaked tokens. */
const PREFIX = 'dtg';

/** Returns a token's text: prefix, id, and secret in base64url. The secret is 32 random bytes. */
export function formatToken(id: string, secret: Buffer): string {
  return `${PREFIX}.${id}.${secret.toString('base64url')}`;
}

/** Hashes a token's text. A fast hash is safe for a secret of 32 random bytes; a slow one would slow down every request. */
export function hashToken(text: string): string {
  return `sha256:${hash('sha256', text, 'base64url')}`;
}

/**
 * Reads a file of tokens.
 * @throws Error with the problem of the file, without its content
 */
export function readTokens(path: string): StaticToken[] {
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new Error((error as NodeJS.ErrnoException).code ?? 'it is not JSON');
  }
  const parsed = file.safeParse(json);
  if (parsed.success) return parsed.data;
  const needs = parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'the list'} needs ${message}`);
  throw new Error(needs.join('; '));
}

/** Minimum time between two checks whether the file changed, in ms. */
const CHECK_INTERVAL_MS = 1_000;

/** The tokens of a file. Reads the file again when it changes. While it cannot read the file, no token is valid. */
export class TokenStore {
  readonly #path: string;
  readonly #onProblem: (problem: string) => void;
  #tokens: ReadonlyMap<string, StaticToken>;
  #version: string;
  #checkedAt = performance.now();

  /**
   * @param onProblem called with the problem when the changed file cannot be read
   * @throws Error with the problem of the file
   */
  constructor(path: string, onProblem: (problem: string) => void) {
    this.#path = path;
    this.#onProblem = onProblem;
    this.#version = this.#stat();
    this.#tokens = byId(readTokens(path));
  }

  /** Returns the token with this text; null if there is none, or it has expired. Takes the same time whether or not the id exists. */
  find(text: string): StaticToken | null {
    this.#refresh();
    const [prefix, id] = text.split('.');
    if (prefix !== PREFIX || id === undefined) return null;
    const known = this.#tokens.get(id);
    const isRight = timingSafeEqual(Buffer.from(hashToken(text)), Buffer.from(known?.hash ?? NO_HASH));
    if (!isRight || !known) return null;
    return known.expiresAt === undefined || Date.parse(known.expiresAt) > Date.now() ? known : null;
  }

  #refresh(): void {
    const now = performance.now();
    if (now - this.#checkedAt < CHECK_INTERVAL_MS) return;
    this.#checkedAt = now;
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

  /**
   * Returns a text that changes when the file may have changed. It has ctime besides mtime, because a program can set mtime back
   * to its old value.
   */
  #stat(): string {
    try {
      const { mtimeMs, ctimeMs, size, ino } = statSync(this.#path);
      return `${mtimeMs} ${ctimeMs} ${size} ${ino}`;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? 'gone';
    }
  }
}

/** A hash that no token has. */
const NO_HASH = `sha256:${'A'.repeat(43)}`;

function byId(tokens: readonly StaticToken[]): Map<string, StaticToken> {
  return new Map(tokens.map((entry) => [entry.id, entry]));
}
