import { readManifest } from '../http/documents.ts';
import { readTokens } from '../http/tokens.ts';
import type { ProjectConfig } from './file.ts';
import { type AuthMode, isLoopback, type Variables } from './variables.ts';

/** Rules that need more than one variable. */
export function checkTogether(
  values: Variables,
  projects: readonly ProjectConfig[],
  problems: string[],
): AuthMode | undefined {
  const { AUTH_MODE: mode, DATATRICS_URL: url, HOST: host } = values;
  if (mode === 'managed') checkManaged(values, problems);
  if (url === undefined) return mode ?? 'open';
  if (mode === undefined) problems.push('AUTH_MODE: not set; with DATATRICS_URL it needs open, passthrough or managed');
  if (mode === 'open' && !isLoopback(host)) {
    problems.push(`AUTH_MODE: got "open" with HOST "${host}"; needs a loopback HOST, or passthrough or managed`);
  }
  if ((mode === 'open' || mode === 'managed') && projects.length === 0) {
    if (values.DATATRICS_PROJECT === undefined) problems.push('DATATRICS_PROJECT: not set; needs the project id');
    if (values.DATATRICS_API_KEY === undefined) problems.push('DATATRICS_API_KEY: not set; needs the API key');
  }
  return mode;
}

/** `managed` fails closed: nobody can get in by a setting that was forgotten. */
function checkManaged(values: Variables, problems: string[]): void {
  const jwt = ['JWT_ISSUER', 'JWT_AUDIENCE', 'JWT_JWKS_URL'] as const;
  const missing = jwt.filter((name) => values[name] === undefined);
  if (missing.length < jwt.length) {
    for (const name of missing) problems.push(`${name}: not set; ${jwt.join(', ')} need each other`);
  } else if (values.TOKENS_FILE === undefined) {
    problems.push(`AUTH_MODE: got "managed"; needs ${jwt.join(', ')}, or TOKENS_FILE, or both`);
  }
  if (values.PII_MASK === 'hash' && values.PII_KEY === undefined) {
    problems.push('PII_KEY: not set; PII_MASK "hash" needs a secret of 16 or more visible ASCII characters');
  }
  if (values.TOKENS_FILE === undefined) return;
  try {
    readTokens(values.TOKENS_FILE);
  } catch (error) {
    const got = JSON.stringify(values.TOKENS_FILE);
    problems.push(`TOKENS_FILE: got ${got} (${(error as Error).message}); needs a JSON list of tokens`);
  }
}

export function readDocuments(values: Variables, problems: string[]): ReadonlyMap<string, string> {
  const { TRUSTED_DOCUMENTS: mode, TRUSTED_DOCUMENTS_FILE: path } = values;
  if (path === undefined) {
    if (values.MCP === 'on') problems.push('TRUSTED_DOCUMENTS_FILE: not set; MCP "on" needs a manifest');
    else if (mode !== 'off')
      problems.push(`TRUSTED_DOCUMENTS_FILE: not set; TRUSTED_DOCUMENTS "${mode}" needs a manifest`);
    return new Map();
  }
  try {
    return readManifest(path);
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    problems.push(
      `TRUSTED_DOCUMENTS_FILE: got ${JSON.stringify(path)} (${reason}); needs a JSON object of ids to documents`,
    );
    return new Map();
  }
}
