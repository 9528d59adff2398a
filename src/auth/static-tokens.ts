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

/** @param secret 32 random bytes */
export function formatToken(id: string, secret: Buffer): string {
  return `${PREFIX}.${id}.${secret.toString('base64url')}`;
}

/** A fast hash is safe for a secret of 32 random bytes; a slow one would slow down every request. */
export function hashToken(text: string): string {
  return `sha256:${hash('sha256', text, 'base64url')}`;
}

/** @throws Error with the problem of the file, without its content */
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

/** ms between two checks whether the file changed. */
const CHECK_INTERVAL_MS = 1_000;

/**
 * Returns the function that finds a token by its text: undefined if there is none, or it has expired. It takes the same time
 * whether or not the id exists. It reads the file again when it changes; while it cannot read the file, no token is valid.
 * @throws Error with the problem of the file
 */
export function createFindToken(path: string, onProblem: (problem: string) => void) {
  let version = versionOf(path);
  let tokens = byId(readTokens(path));
  let checkedAt = performance.now();

  function refresh(): void {
    const now = performance.now();
    if (now - checkedAt < CHECK_INTERVAL_MS) return;
    checkedAt = now;
    const found = versionOf(path);
    if (found === version) return;
    version = found;
    try {
      tokens = byId(readTokens(path));
    } catch (error) {
      tokens = new Map();
      onProblem((error as Error).message);
    }
  }

  return (text: string): StaticToken | undefined => {
    refresh();
    const [prefix, id] = text.split('.');
    if (prefix !== PREFIX || id === undefined) return undefined;
    const known = tokens.get(id);
    const isRight = timingSafeEqual(Buffer.from(hashToken(text)), Buffer.from(known?.hash ?? NO_HASH));
    const isExpired = known?.expiresAt !== undefined && Date.parse(known.expiresAt) <= Date.now();
    return isRight && !isExpired ? known : undefined;
  };
}

/** A text that changes when the file may have changed. It has ctime too: a program can set mtime back to its old value. */
function versionOf(path: string): string {
  try {
    const { mtimeMs, ctimeMs, size, ino } = statSync(path);
    return `${mtimeMs} ${ctimeMs} ${size} ${ino}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'gone';
  }
}

/** A hash that no token has. */
const NO_HASH = `sha256:${'A'.repeat(43)}`;

function byId(tokens: readonly StaticToken[]): Map<string, StaticToken> {
  return new Map(tokens.map((entry) => [entry.id, entry]));
}
