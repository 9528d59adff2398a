import { GatewayError } from '../lib/error.ts';
import { ENDPOINTS, type Endpoint, type EndpointName } from './endpoints.ts';
import { checkId } from './keys.ts';

/** One condition of a `q[field]=value` or `q[field][$op]=value` filter; one of the values of `q[field][$in][]=value`. */
export interface Condition {
  readonly field: string;
  readonly op?: '$gte' | '$lte' | '$in';
  readonly value: string;
}

/** Arguments of a call, whatever its endpoint: its id, its parameters by their REST names, and on lists `q`. */
export interface CallArgs {
  readonly id?: string;
  readonly q?: readonly Condition[];
  readonly [name: string]: unknown;
}

interface Template {
  /** Around `{project}`, and around `{id}` where there is one. */
  readonly parts: readonly [string, string, string?];
  readonly query: readonly (readonly [name: string, required: boolean])[];
}

/** The table's paths and parameters, taken apart once. */
const TEMPLATES = Object.fromEntries(
  Object.entries<Endpoint>(ENDPOINTS).map(([name, { path, query }]): [string, Template] => {
    const [before, rest] = path.split('{project}') as [string, string];
    const [between, after] = rest.split('{id}') as [string, string?];
    const parts: Template['parts'] = after === undefined ? [before, between] : [before, between, after];
    return [name, { parts, query: Object.entries(query).map(([key, need]) => [key, need === 'required']) }];
  }),
) as Record<EndpointName, Template>;

/**
 * Path and query of a call, below the API's base path. Everything is percent-encoded, so that no value can change the path
 * or add a parameter.
 *
 * @param project as it stands in a principal: nothing in it needs encoding
 * @throws GatewayError `BAD_USER_INPUT` for an id that can not stand in a path
 */
export function buildPath(name: EndpointName, args: CallArgs, project: string): string {
  const { parts, query } = TEMPLATES[name];
  let path = parts[0] + project + parts[1];
  if (parts[2] !== undefined) path += encodeURIComponent(checkId('id', args.id ?? '')) + parts[2];
  let separator = '?';
  for (const [key, required] of query) {
    const value = args[key];
    if (value === undefined) {
      if (required) throw new GatewayError('INTERNAL_SERVER_ERROR', `${name} needs ${key}`);
      continue;
    }
    path += `${separator}${key}=${encodeURIComponent(String(value))}`;
    separator = '&';
  }
  if (args.q === undefined) return path;
  let before: Condition | undefined;
  let key = '';
  for (const filter of args.q) {
    // Many values of one field, as a rule.
    if (filter.field !== before?.field || filter.op !== before.op) key = keyOf(filter);
    before = filter;
    path += `${separator}${key}=${encodeURIComponent(filter.value)}`;
    separator = '&';
  }
  return path;
}

function keyOf({ field, op }: Condition): string {
  return encodeURIComponent(op === undefined ? `q[${field}]` : `q[${field}][${op}]${op === '$in' ? '[]' : ''}`);
}
