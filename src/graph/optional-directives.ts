/** Directives that the subgraph has only when configured, because Apollo Gateway refuses a supergraph with them. */
export const OPTIONAL_DIRECTIVES = ['authenticated', 'requiresScopes', 'cacheTag'] as const;
export type OptionalDirective = (typeof OPTIONAL_DIRECTIVES)[number];
