import { GatewayError } from '../lib/error.ts';
import { ENDPOINTS, type Endpoint, type EndpointName } from './endpoints.ts';
import { checkId } from './keys.ts';

/** One condition of a filter: `q[field]=value`, `q[field][$op]=value`, or one value of `q[field][$in][]=value`. */
export interface Condition {
  readonly field: string;
  readonly op?: '$gte' | '$lte' | '$in';
  readonly value: string;
}

/** Arguments of a call: the id in the path, query parameters by REST name, and for lists the conditions `q`. */
export interface CallArgs {
  readonly id?: string;
  readonly q?: readonly Condition[];
  readonly [name: string]: unknown;
}

interface Template {
  /** The texts before, between and after `{project}` and `{id}`. */
  readonly parts: readonly [string, string, string?];
  readonly query: readonly (readonly [name: string, required: boolean])[];
}

/** The paths and parameters of `ENDPOINTS`, split once. */
const TEMPLATES = Object.fromEntries(
  Object.entries<Endpoint>(ENDPOINTS).map(([name, { path, query }]): [string, Template] => {
    const [before, rest] = path.split('{project}') as [string, string];
    const [between, after] = rest.split('{id}') as [string, string?];
    const parts: Template['parts'] = after === undefined ? [before, between] : [before, between, after];
    return [name, { parts, query: Object.entries(query).map(([key, need]) => [key, need === 'required']) }];
  }),
) as Record<EndpointName, Template>;

/**
 * Builds the path and query of a call, relative to the API's base path. All values are percent-encoded, so that none can
 * change the path or add a parameter.
 *
 * @param project of a principal; already checked, and needs no encoding
 * @throws GatewayError `BAD_USER_INPUT` for an id that cannot be part of a path
 */
export function buildPath(name: EndpointName, args: CallArgs, project: string): string {
  const { parts, query } = TEMPLATES[name];
  let path = parts[0] + project + parts[1];
  if (parts[2] !== undefined) path += encodeURIComponent(checkId('id', args.id ?? '')) + parts[2];
  let separator = '?';
  for (const [key, required] of query) {
    const value = args[key];
    if (value === undefined) {
      if (required) throw new GatewayError('INTERNAL_SERVER_ERROR', `${name} requires the parameter ${key}`);
      continue;
    }
    path += `${separator}${key}=${encodeURIComponent(String(value))}`;
    separator = '&';
  }
  if (args.q === undefined) return path;
  let before: Condition | undefined;
  let key = '';
  for (const filter of args.q) {
    // Reuse the key: consecutive conditions usually have the same field and operator.
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
