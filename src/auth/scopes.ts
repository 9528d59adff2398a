/** All scopes, https://datatracker.ietf.org/doc/html/rfc6749#section-3.3 */
export const SCOPES = [
  'profiles:read',
  'profiles:write',
  'contents:read',
  'contents:write',
  'conversions:read',
  'conversions:write',
  'interactions:read',
  'interactions:write',
  'pii:read',
] as const;

export type Scope = (typeof SCOPES)[number];

/** A set of scopes as bits, by their index in `SCOPES`. A number makes the check of every request cheap. */
export type ScopeSet = number;

const BITS: ReadonlyMap<string, number> = new Map(SCOPES.map((scope, index) => [scope, 1 << index]));

export const NO_SCOPES: ScopeSet = 0;
export const ALL_SCOPES: ScopeSet = (1 << SCOPES.length) - 1;

/** Converts names to a set. Ignores unknown names: a token can have scopes of other systems too. */
export function scopeSet(names: Iterable<string>): ScopeSet {
  let set = NO_SCOPES;
  for (const name of names) set |= BITS.get(name) ?? 0;
  return set;
}

export function isScope(name: string): name is Scope {
  return BITS.has(name);
}

export function allows(held: ScopeSet, needed: ScopeSet): boolean {
  return (needed & ~held) === 0;
}

export function missing(held: ScopeSet, needed: ScopeSet): Scope[] {
  return SCOPES.filter((_, index) => needed & ~held & (1 << index));
}
