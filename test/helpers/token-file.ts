import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { SCOPES, type Scope } from '../../src/auth/scopes.ts';
import { formatToken, hashToken } from '../../src/auth/static-tokens.ts';
import { createFolder } from './files.ts';

/** All scopes but one. */
export const scopesWithout = (scope: Scope): readonly Scope[] => SCOPES.filter((other) => other !== scope);

/** A file of static tokens in a folder of its own, deleted at the end of the test or of the file. */
export function createTokenFile() {
  const path = createFolder().write('tokens.json', []);
  const entries: object[] = [];
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
  };
}
