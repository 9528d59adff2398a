import { ALL_SCOPES, allows, missing } from '../auth/scopes.ts';
import { forbidden } from '../datatrics/access.ts';
import { isTooDeep, MAX_JSON_DEPTH } from '../lib/json-depth.ts';
import { createDocuments, type DocumentsOptions, type PreparedDocument } from './document-cache.ts';
import { limitMessage } from './document-limits.ts';
import { type Checked, createExecution, type ExecutionOptions, type Run } from './execution.ts';
import { negativeCount } from './incremental.ts';
import { neededScopes } from './operation-facts.ts';
import { invalid, type Outcome, refused, tooComplex } from './outcome.ts';

/** A GraphQL request, independent of the transport. */
export interface OperationRequest {
  readonly query: string;
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | null | undefined;
}

export interface PipelineOptions extends DocumentsOptions, ExecutionOptions {
  /** Whether to check the caller's scopes before an operation runs. Without it, only reads and writes check them. Default: true. */
  readonly checkScopes?: boolean;
}

/**
 * Answers a request: text → prepared document, from a cache → operation → coerced variables → execution. All endpoints use it,
 * so that they have the same checks.
 */
export type Pipeline = ReturnType<typeof createPipeline>;

export function createPipeline(options: PipelineOptions) {
  const { schema, limits, checkScopes = true } = options;
  const prepareCached = createDocuments(options);

  /** Parses and validates a document. Returns the outcome for an invalid one. */
  function prepare(text: string, { party }: Pick<Run, 'party'>): PreparedDocument['content'] {
    return prepareCached(text, party.isAccepted).content;
  }

  /** Makes all checks that are possible before the operation runs. Returns the outcome for an operation that must not run. */
  function check(request: OperationRequest, run: Run): Checked | Outcome {
    const prepared = prepareCached(request.query, run.party.isAccepted);
    run.identify(prepared.identity);
    const operation = prepared.select(request.operationName);
    if ('kind' in operation) return operation;
    const { node, facts } = operation;
    run.identify(operation.identity);
    if (node.operation === 'mutation' && !run.allowMutation) {
      return refused(405, 'BAD_REQUEST', 'Mutations need POST.', { allow: 'POST' });
    }

    if (isTooDeep(request.variables, MAX_JSON_DEPTH + 1)) {
      return tooComplex(`The variables are nested deeper than ${MAX_JSON_DEPTH} levels.`);
    }
    const given = request.variables ?? {};
    const { coerced, errors } = operation.coerce(given);
    if (errors) return invalid('BAD_USER_INPUT', errors);
    const wrongCount = facts.isIncremental && negativeCount([node, ...facts.fragments.values()], coerced);
    if (wrongCount) return invalid('BAD_USER_INPUT', [wrongCount]);

    const entries = run.planOnly ? [] : undefined;
    const estimate = operation.estimate(coerced, run.costSettings, entries);
    const { calls, values, representations, ids } = estimate;
    if (representations > limits.maxRepresentations) {
      return overLimit('representations', representations, limits.maxRepresentations, 'MAX_REPRESENTATIONS');
    }
    if (ids > limits.maxRepresentations) {
      return overLimit('ids in one nodes field', ids, limits.maxRepresentations, 'MAX_REPRESENTATIONS');
    }
    // Skip the check for callers with all scopes.
    if (checkScopes && run.scopes !== ALL_SCOPES) {
      const needed = neededScopes(facts, coerced, run.costSettings);
      if (!allows(run.scopes, needed)) {
        return refused(403, 'FORBIDDEN', forbidden(missing(run.scopes, needed)).message);
      }
    }

    const tooMany =
      values > limits.maxEstimatedValues
        ? overLimit('values in the worst case', Math.ceil(values), limits.maxEstimatedValues)
        : null;
    // The planner does not count the calls of such a mutation.
    if (tooMany && node.operation === 'mutation') return tooMany;
    if (entries) return { kind: 'executed', result: { data: null, extensions: { plan: entries } } };
    if (calls > limits.maxEstimatedCalls) {
      return overLimit('REST calls in the worst case', calls, limits.maxEstimatedCalls, 'MAX_ESTIMATED_CALLS');
    }
    return tooMany ?? { operation, variables: { given, coerced }, estimate };
  }

  return { schema, prepare, check, ...createExecution(options) };
}

function overLimit(...limit: Parameters<typeof limitMessage>): Outcome {
  return tooComplex(limitMessage(...limit));
}
