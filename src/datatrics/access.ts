import { allows, missing, type Scope, type ScopeSet, scopeSet } from '../auth/scopes.ts';
import { GatewayError } from '../lib/error.ts';
import { RESOURCES, type Resource } from './endpoints.ts';
import { type FilterInput, filledIn } from './filter.ts';
import { typeNameOf } from './keys.ts';
import type { MaskedType, Masking } from './masking.ts';
import type { FieldTable } from './records/fields.ts';
import { type DatatricsRecord, type RecordType, sortNameOf } from './records/record.ts';

const SCOPES = Object.fromEntries(
  Object.entries(RESOURCES).map(([resource, { plural }]) => [
    resource,
    { read: scopeSet([`${plural}:read`]), write: scopeSet([`${plural}:write`]) },
  ]),
) as Readonly<Record<Resource, Readonly<Record<'read' | 'write', ScopeSet>>>>;

/** The scope for reading personal data unmasked, and for filtering and sorting by it. */
export const PERSONAL: ScopeSet = scopeSet(['pii:read']);

export function scopeOf(resource: Resource, action: 'read' | 'write'): ScopeSet {
  return SCOPES[resource][action];
}

/** Whether a field is masked under its GraphQL name or its REST name. `fieldName` may be either name. */
export function isPersonal(masking: Masking, type: MaskedType, table: FieldTable, fieldName: string): boolean {
  const field = Object.values(table).find(({ name, rest }) => name === fieldName || rest === fieldName);
  return [fieldName, field?.name, field?.rest].some((name) => name !== undefined && masking.covers(type, name));
}

export function asksByPersonal(
  masking: Masking,
  type: RecordType<DatatricsRecord>,
  filter: FilterInput | null | undefined,
  orderField: string | undefined,
): boolean {
  const names = filledIn(filter).map(([name]) => name);
  if (orderField !== undefined) names.push(orderField, sortNameOf(type, orderField));
  return names.some((name) => isPersonal(masking, typeNameOf(type.resource), type.fields, name));
}

/** The error for missing scopes. It names them: scopes are not secret. */
export function forbidden(names: readonly Scope[]): GatewayError {
  return new GatewayError(
    'FORBIDDEN',
    `This caller lacks the scope${names.length > 1 ? 's' : ''} ${names.join(', ')}.`,
  );
}

/**
 * Checks the scopes before each call to the API, in addition to the check of the whole document.
 * @throws GatewayError `FORBIDDEN`
 */
export function checkAccess(held: ScopeSet, needed: ScopeSet): void {
  if (!allows(held, needed)) throw forbidden(missing(held, needed));
}
