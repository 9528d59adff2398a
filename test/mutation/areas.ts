/** Sources that a caller must not get past, and the tests that try to. */
export interface Area {
  readonly name: string;
  readonly sources: readonly string[];
  /** Only these run against each change; those that start commands would not see it. */
  readonly tests: readonly string[];
}

const sources = (folder: string, names: string): string[] => names.split(' ').map((name) => `src/${folder}/${name}.ts`);
const tests = (folder: string, names: string): string[] =>
  names.split(' ').map((name) => `test/${folder}/${name}.test.ts`);

export const AREAS: readonly Area[] = [
  {
    name: 'auth',
    sources: sources('auth', 'authenticate jwt principal rate-limit router-proof scopes static-tokens'),
    tests: [...tests('auth', 'access managed router-proof scopes static-tokens tenancy'), ...tests('limits', 'rates')],
  },
  {
    name: 'limits',
    sources: sources('graph', 'document-limits cost selections'),
    tests: [...tests('limits', 'counts documents plan size'), ...tests('graph', 'operations schema subgraph')],
  },
  {
    name: 'masking',
    sources: sources('datatrics', 'access keys masking paths'),
    tests: [
      ...tests('auth', 'access scopes tenancy'),
      ...tests('datatrics', 'endpoints'),
      ...tests('graph', 'ids personal-tags'),
      ...tests('server', 'custom-fields masking-attacks masking'),
    ],
  },
  {
    name: 'pipeline',
    sources: sources('graph', 'operation-facts execution pipeline operation-variables'),
    tests: [
      ...tests('auth', 'scopes'),
      ...tests('graph', 'admission operations personal-tags variables'),
      ...tests('limits', 'size'),
      ...tests('server', 'incremental-delivery'),
    ],
  },
  {
    name: 'http',
    sources: sources('server', 'body cors graphql-params media-types'),
    tests: [...tests('limits', 'browsers'), ...tests('server', 'framing persisted-queries protocol well-formed')],
  },
];
