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

/** What it takes to see, or to ask for, personal data as it is. */
export const PERSONAL: ScopeSet = scopeSet(['pii:read']);

/** The scope that reading, or writing, a resource's records takes. */
export function scopeOf(resource: Resource, action: 'read' | 'write'): ScopeSet {
  return SCOPES[resource][action];
}

/** Whether a type's field is personal by either of its names; both `asked` and the masked names may be of either kind. */
export function isPersonal(masking: Masking, type: MaskedType, table: FieldTable, asked: string): boolean {
  const same = Object.entries(table).find(([name, { rest }]) => name === asked || rest === asked);
  return [asked, ...(same ? [same[0], same[1].rest] : [])].some((name) => masking.covers(type, name));
}

/** Whether a list is filtered, or ordered by a field, that is personal. */
export function asksByPersonal(
  masking: Masking,
  type: RecordType<DatatricsRecord>,
  filter: FilterInput | null | undefined,
  orderField: string | undefined,
): boolean {
  const names = filledIn(filter).map(([name]) => name);
  if (orderField !== undefined) names.push(orderField, sortNameOf(type, orderField));
  return names.some((asked) => isPersonal(masking, typeNameOf(type.resource), type.fields, asked));
}

/** The error for what a principal may not do; names the scopes, which are no secret. */
export function forbidden(names: readonly Scope[]): GatewayError {
  return new GatewayError(
    'FORBIDDEN',
    `This caller lacks the scope${names.length > 1 ? 's' : ''} ${names.join(', ')}.`,
  );
}

/**
 * The fence around the data itself, behind the check of the document: whatever way led here.
 * @throws GatewayError `FORBIDDEN`
 */
export function checkAccess(held: ScopeSet, needed: ScopeSet): void {
  if (!allows(held, needed)) throw forbidden(missing(held, needed));
}
