import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SCOPES, type Scope } from '../../src/auth/scopes.ts';
import { formatToken, hashToken } from '../../src/auth/static-tokens.ts';

/** A file of static tokens in a folder of its own. */
export function createTokenFile() {
  const folder = mkdtempSync(join(tmpdir(), 'tokens-'));
  const path = join(folder, 'tokens.json');
  const entries: object[] = [];
  writeFileSync(path, '[]');
  return {
    path,
    settings: {
      AUTH_MODE: 'managed',
      TOKENS_FILE: path,
      PII_KEY: 'a key of hashes'.replaceAll(' ', '_').padEnd(16, '_'),
    },
    /** Adds a token, and gives the header by which it is sent. */
    add(
      id: string,
      scopes: readonly Scope[] = SCOPES,
      projects: readonly string[] = ['1'],
      expiresAt?: string,
    ): Record<string, string> {
      const text = formatToken(id, randomBytes(32));
      entries.push({ id, hash: hashToken(text), scopes, projects, expiresAt });
      writeFileSync(path, JSON.stringify(entries));
      return { authorization: `Bearer ${text}` };
    },
    write: (text: string) => writeFileSync(path, text),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
