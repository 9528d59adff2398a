import { type ContentType, type Endpoint, RESOURCES, type Resource, restTypeOf } from './endpoints.ts';
import { checkId } from './keys.ts';

/** One condition of a filter: `q[field]=value`, `q[field][$op]=value`, or one value of `q[field][$in][]=value`. */
export interface Condition {
  readonly field: string;
  readonly op?: '$gte' | '$lte' | '$in';
  readonly value: string;
}

/** Arguments of a call: the id in the path and the query parameters. A record's key is the arguments to read it. */
export interface CallArgs {
  readonly id?: string;
  readonly source?: string;
  readonly type?: ContentType | undefined;
  readonly page?: number;
  readonly limit?: number;
  readonly sort?: string;
  readonly order?: number;
  readonly q?: readonly Condition[];
}

/** The first part of a path, common to all calls of a resource: `/project/1/profile`. */
export function resourcePath(project: string, resource: Resource): string {
  return `/project/${project}/${RESOURCES[resource].segment}`;
}

/**
 * Builds the path and query of a call, relative to the API's base path. All values are percent-encoded, so that none can
 * change the path or add a parameter.
 *
 * @param project of a principal; already checked, and needs no encoding
 * @throws GatewayError `BAD_USER_INPUT` for an id that cannot be part of a path
 */
export function buildPath({ resource, action, query }: Endpoint, args: CallArgs, project: string): string {
  let path = resourcePath(project, resource);
  if (action === 'bulk') path += '/bulk';
  else if (action !== 'list' && action !== 'create') path += `/${encodeURIComponent(checkId('id', args.id ?? ''))}`;
  let separator = '?';
  const add = (name: string, value: string): void => {
    path += `${separator}${encodeURIComponent(name)}=${encodeURIComponent(value)}`;
    separator = '&';
  };
  for (const name of query) {
    const value = name === 'type' ? restTypeOf(action, args.type ?? 'ITEM') : args[name as keyof CallArgs];
    if (value !== undefined) add(name, String(value));
  }
  for (const { field, op, value } of args.q ?? []) {
    add(op === undefined ? `q[${field}]` : `q[${field}][${op}]${op === '$in' ? '[]' : ''}`, value);
  }
  return path;
}
