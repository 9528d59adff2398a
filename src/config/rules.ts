import { readTokens } from '../auth/static-tokens.ts';
import { duplicateOperations } from '../graph/duplicate-operations.ts';
import { isLoopback } from '../lib/loopback.ts';
import { MANIFEST_NEEDS, readManifest } from '../server/document-manifest.ts';
import type { VariableName, Variables } from './variables.ts';

/** What the rules are checked against. An invalid setting has no value. */
export interface Given {
  readonly values: Partial<Variables>;
  has(name: VariableName): boolean;
  readonly hasProjects: boolean;
  readonly hasPoll: boolean;
}

export function checkTogether(given: Given, problems: string[]): void {
  const { GATEWAY_PLUGINS: plugins = [], COLLAPSE_OPERATIONS: collapse } = given.values;
  if (plugins.length > 0 && collapse) {
    problems.push(
      'COLLAPSE_OPERATIONS: got "on" with GATEWAY_PLUGINS; needs off, since a plugin may answer each request differently',
    );
  }
  if (given.values.AUTH_MODE === 'managed') checkManaged(given, problems);
  if (given.has('DATATRICS_URL')) checkApi(given, problems);
  else checkSandbox(given, problems);
}

function checkApi({ values, has, hasProjects, hasPoll }: Given, problems: string[]): void {
  const { AUTH_MODE: mode, HOST: host } = values;
  if (!has('AUTH_MODE')) problems.push('AUTH_MODE: not set; with DATATRICS_URL it needs open, passthrough or managed');
  if (mode === 'open' && host !== undefined && !isLoopback(host)) {
    problems.push(`AUTH_MODE: got "open" with HOST "${host}"; needs a loopback HOST, or passthrough or managed`);
  }
  if (hasPoll && !hasProjects && !(has('DATATRICS_PROJECT') && has('DATATRICS_API_KEY'))) {
    problems.push('GATEWAY_CONFIG: poll: needs projects, or DATATRICS_PROJECT and DATATRICS_API_KEY');
  }
  if ((mode === 'open' || mode === 'managed') && !hasProjects) {
    if (!has('DATATRICS_PROJECT')) problems.push('DATATRICS_PROJECT: not set; needs the project id');
    if (!has('DATATRICS_API_KEY')) problems.push('DATATRICS_API_KEY: not set; needs the API key');
  }
}

/** A project or a key without `DATATRICS_URL`: that name is missing or misspelt, and the sandbox is not wanted. */
function checkSandbox({ has, hasProjects }: Given, problems: string[]): void {
  const names = (['DATATRICS_PROJECT', 'DATATRICS_API_KEY'] as const).filter(has);
  const ofApi = [...names, ...(hasProjects ? ['projects in GATEWAY_CONFIG'] : [])];
  if (ofApi.length === 0) return;
  const got = `not set, with ${ofApi.join(' and ')}`;
  problems.push(`DATATRICS_URL: ${got}; needs the base URL of the API (the sandbox needs neither project nor key)`);
}

/** A forgotten setting must not let anybody in. */
function checkManaged({ values, has }: Given, problems: string[]): void {
  const jwt = ['JWT_ISSUER', 'JWT_AUDIENCE', 'JWT_JWKS_URL'] as const;
  const missing = jwt.filter((name) => !has(name));
  if (missing.length < jwt.length) {
    for (const name of missing) problems.push(`${name}: not set; ${jwt.join(', ')} need each other`);
  } else if (!has('TOKENS_FILE')) {
    problems.push(`AUTH_MODE: got "managed"; needs ${jwt.join(', ')}, or TOKENS_FILE, or both`);
  }
  if (values.PII_MASK === 'hash' && !has('PII_KEY')) {
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

/** Reads the trusted documents, by id; none if something is wrong with them. */
export function readDocuments({ values }: Given, problems: string[]): ReadonlyMap<string, string> {
  const { TRUSTED_DOCUMENTS: mode, TRUSTED_DOCUMENTS_FILE: path, MCP: mcp } = values;
  if (mode === 'only' && values.AUTOMATIC_PERSISTED_QUERIES) {
    problems.push(
      'AUTOMATIC_PERSISTED_QUERIES: got "on" with TRUSTED_DOCUMENTS "only"; needs off, since only published documents run',
    );
  }
  if (path === undefined) {
    const wanted = mcp ? 'MCP "on"' : mode && mode !== 'off' && `TRUSTED_DOCUMENTS "${mode}"`;
    if (wanted) problems.push(`TRUSTED_DOCUMENTS_FILE: not set; ${wanted} needs a manifest`);
    return new Map();
  }
  const got = `got ${JSON.stringify(path)}`;
  try {
    const documents = readManifest(path);
    if (mcp) {
      for (const name of duplicateOperations(documents, { mutations: values.MCP_MUTATIONS ?? false })) {
        const more = `the operation ${name} is in more than one document`;
        problems.push(`TRUSTED_DOCUMENTS_FILE: ${got} (${more}); MCP "on" needs operations of different names`);
      }
    }
    return documents;
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
    problems.push(`TRUSTED_DOCUMENTS_FILE: ${got} (${reason}); needs ${MANIFEST_NEEDS}`);
    return new Map();
  }
}
