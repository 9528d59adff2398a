/** Sources that a caller must not get past, and the tests that try to. */
export interface Area {
  readonly name: string;
  readonly sources: readonly string[];
  /** Only these run against each change; those that start commands would not see it. */
  readonly tests: readonly string[];
}

export const AREAS: readonly Area[] = [
  {
    name: 'auth',
    sources: [
      'src/auth/authenticate.ts',
      'src/auth/jwt.ts',
      'src/auth/principal.ts',
      'src/auth/rate-limit.ts',
      'src/auth/router-proof.ts',
      'src/auth/scopes.ts',
      'src/auth/static-tokens.ts',
    ],
    tests: [
      'test/auth/access.test.ts',
      'test/auth/managed.test.ts',
      'test/auth/router-proof.test.ts',
      'test/auth/scopes.test.ts',
      'test/auth/static-tokens.test.ts',
      'test/auth/tenancy.test.ts',
      'test/limits/rates.test.ts',
    ],
  },
  {
    name: 'limits',
    sources: [
      'src/graph/document-limits.ts',
      'src/graph/cost.ts',
      'src/graph/field-cost.ts',
      'src/graph/conditions.ts',
    ],
    tests: [
      'test/limits/counts.test.ts',
      'test/graph/operations.test.ts',
      'test/graph/schema.test.ts',
      'test/graph/subgraph.test.ts',
      'test/limits/documents.test.ts',
      'test/limits/plan.test.ts',
      'test/limits/size.test.ts',
    ],
  },
  {
    name: 'masking',
    sources: ['src/datatrics/access.ts', 'src/datatrics/keys.ts', 'src/datatrics/masking.ts', 'src/datatrics/paths.ts'],
    tests: [
      'test/auth/access.test.ts',
      'test/auth/scopes.test.ts',
      'test/auth/tenancy.test.ts',
      'test/datatrics/endpoints.test.ts',
      'test/graph/ids.test.ts',
      'test/graph/personal-tags.test.ts',
      'test/server/custom-fields.test.ts',
      'test/server/masking-attacks.test.ts',
      'test/server/masking.test.ts',
    ],
  },
  {
    name: 'pipeline',
    sources: [
      'src/graph/document-scopes.ts',
      'src/graph/execution.ts',
      'src/graph/pipeline.ts',
      'src/graph/variables.ts',
    ],
    tests: [
      'test/auth/scopes.test.ts',
      'test/graph/admission.test.ts',
      'test/graph/operations.test.ts',
      'test/graph/personal-tags.test.ts',
      'test/graph/variables.test.ts',
      'test/limits/size.test.ts',
      'test/server/parts.test.ts',
    ],
  },
  {
    name: 'http',
    sources: [
      'src/server/body.ts',
      'src/server/cors.ts',
      'src/server/graphql-params.ts',
      'src/server/media-types.ts',
      'src/server/request-head.ts',
    ],
    tests: [
      'test/limits/browsers.test.ts',
      'test/server/framing.test.ts',
      'test/server/persisted-queries.test.ts',
      'test/server/protocol.test.ts',
      'test/server/well-formed.test.ts',
    ],
  },
];
