import type { IncomingHttpHeaders } from 'node:http';
import type { Principal } from '../auth/principal.ts';
import type { RateLimiter } from '../auth/rate-limit.ts';
import type { Caller, Callers } from '../datatrics/callers.ts';
import type { Checked, Parts } from '../graph/execution.ts';
import { type Outcome, outcomeOfError, refused } from '../graph/outcome.ts';
import type { OperationRequest, Pipeline } from '../graph/pipeline.ts';
import { spellUnkept } from '../lib/digits.ts';
import { GatewayError } from '../lib/error.ts';
import { loggableId } from '../lib/log.ts';
import { AcceptedRequest, clientGone, type RequestSetting } from './accepted-request.ts';
import type { Collapse, Execution } from './collapse.ts';
import type { RequestParams } from './graphql-params.ts';
import { type Load, overloaded } from './load-shedder.ts';
import type { Observed, Observer } from './observer.ts';
import type { PersistedQueries } from './persisted-queries.ts';
import type { RequestHead } from './request-head.ts';
import type { ResolveDocument } from './trusted-documents.ts';

export interface OperationsOptions extends RequestSetting {
  readonly pipeline: Pipeline;
  /** Part of the key of shared answers, since two schemas answer the same text differently. */
  readonly schemaName: string;
  /** Identifies the caller, as `Authenticate` does. A signature may be part of the parameters. */
  readonly authenticate: (headers: IncomingHttpHeaders, params: RequestParams) => Principal | Promise<Principal>;
  /** The value of `WWW-Authenticate` for callers without credentials. */
  readonly challenge: string;
  readonly resolveDocument: ResolveDocument;
  /** Undefined: clients can't register documents. */
  readonly persistedQueries: PersistedQueries | undefined;
  readonly rateLimiter: RateLimiter | undefined;
  /** Undefined: identical operations do not share a run. */
  readonly collapse: Collapse | undefined;
  readonly callers: Callers;
  readonly load: Load;
  readonly observer: Observer;
}

/** The steps of a GraphQL request, the same by Yoga and by the short cut. No step rejects. */
export type Operations = ReturnType<typeof createOperations>;

export function createOperations(options: OperationsOptions) {
  const { pipeline, authenticate, rateLimiter, collapse, load, observer, persistedQueries } = options;

  /**
   * Authenticates the caller, applies the rate limit and finds the document. Nothing has run yet. The caller calls `finish`
   * once for each accepted request. The outcome of a refused request is final.
   */
  async function accept(head: RequestHead, readParams: () => RequestParams): Promise<AcceptedRequest | Outcome> {
    const observed = observer.begin(head);
    let admitted: Caller | undefined;
    const refuse = (outcome: Outcome): Outcome => {
      if (admitted) load.release(admitted);
      observer.end(observed, outcome);
      return outcome;
    };
    try {
      const params = readParams();
      const known = authenticate(head.headers, params);
      const principal = known instanceof Promise ? await known : known;
      observed.principal = principal;
      const caller = options.callers.of(principal.id);
      if (!load.admit(caller)) return refuse(overloaded());
      admitted = caller;
      const account = rateLimiter && { name: accountOf(principal), caller };
      const taken = account && (await rateLimiter?.take(account));
      if (taken?.allowed === false) {
        const message = 'Rate limit exceeded: this caller has used its requests or REST calls of this minute.';
        return refuse(refused(429, 'RATE_LIMITED', message, taken.headers));
      }
      // The client may have disconnected while its token was checked.
      if (head.isGone()) return refuse(outcomeOfError(clientGone(), () => undefined));
      const { variables } = params;
      const query = options.resolveDocument(params, principal) ?? (await registered(params.persistedHash));
      const request = { query, operationName: params.operationName || undefined, variables };
      const accepted = new AcceptedRequest(head, principal, caller, observed, request, options);
      // Only a request with the text registers it: an id may belong to a published document.
      if (params.query !== undefined) accepted.persistedHash = params.persistedHash;
      accepted.account = account;
      accepted.rateHeaders = taken?.headers;
      return accepted;
    } catch (error) {
      return refuse(outcomeOfThrown(error, observed));
    }
  }

  function outcomeOfThrown(error: unknown, observed: Observed): Outcome {
    const outcome = outcomeOfError(error, (bug) => options.reportUnexpected(bug, observed.requestId));
    return outcome.status === 401 ? { ...outcome, headers: { 'www-authenticate': options.challenge } } : outcome;
  }

  /** The document that a client registered with this hash. Clients' links look for these messages. */
  async function registered(hash: string | undefined): Promise<string> {
    const text = hash === undefined ? undefined : await persistedQueries?.find(hash);
    if (text !== undefined) return text;
    const message = persistedQueries ? 'PersistedQueryNotFound' : 'PersistedQueryNotSupported';
    throw new GatewayError('PERSISTED_QUERY_NOT_FOUND', message);
  }

  /** What to run, or the outcome of a request that is invalid or asks for its plan. */
  function check(accepted: AcceptedRequest, request: OperationRequest): Checked | Outcome {
    try {
      const checked = pipeline.check(request, accepted);
      return 'kind' in checked ? withRates(checked, accepted) : checked;
    } catch (error) {
      return outcomeOfThrown(error, accepted.observed);
    }
  }

  async function execute(accepted: AcceptedRequest, checked: Checked): Promise<Outcome> {
    try {
      return await pipeline.execute(checked, accepted);
    } catch (error) {
      return outcomeOfThrown(error, accepted.observed);
    } finally {
      end(accepted);
    }
  }

  function end({ operation, account }: AcceptedRequest): void {
    operation?.end();
    if (account) rateLimiter?.charge(account, operation?.usage.calls ?? 0);
  }

  function start(accepted: AcceptedRequest, checked: Checked): Execution {
    return { outcome: execute(accepted, checked), waiters: 0, cancel: () => accepted.cancel() };
  }

  async function run(accepted: AcceptedRequest, checked: Checked): Promise<Outcome> {
    const { head, request, principal } = accepted;
    const execution =
      collapse && checked.operation.node.operation === 'query'
        ? collapse.run(nameOf(options.schemaName, request, principal, head), () => start(accepted, checked))
        : start(accepted, checked);
    const outcome = await waitFor(execution, head);
    registerDocument(accepted, outcome.kind);
    return withRates(outcome, accepted);
  }

  /** Runs an operation, and answers in parts if the document has `@defer` or `@stream`. */
  async function runInParts(accepted: AcceptedRequest, checked: Checked): Promise<Outcome | Parts> {
    const stopWatching = accepted.head.onDisconnect(() => accepted.cancel());
    const stop = (): void => {
      stopWatching();
      accepted.cancel();
      end(accepted);
    };
    let result: Outcome | Parts;
    try {
      result = await pipeline.executeInParts(checked, accepted);
    } catch (error) {
      result = outcomeOfThrown(error, accepted.observed);
    }
    if (result.kind !== 'parts') {
      stop();
      registerDocument(accepted, result.kind);
      return withRates(result, accepted);
    }
    registerDocument(accepted, 'executed');
    accepted.onFinish = stop;
    return result;
  }

  /** An executed document is valid and within the limits; its caller must be one whose key the API accepted. */
  function registerDocument({ persistedHash, party, request }: AcceptedRequest, kind: Outcome['kind']): void {
    if (persistedHash !== undefined && kind === 'executed' && party.isAccepted) {
      persistedQueries?.register(persistedHash, request.query);
    }
  }

  /** Notes how a request ended, once its client has the answer or has gone. */
  function finish(accepted: AcceptedRequest, outcome: Outcome): void {
    accepted.onFinish?.();
    load.release(accepted.party);
    observer.end(accepted.observed, outcome);
  }

  return {
    pipeline,
    accept,
    check,
    run,
    runInParts,
    finish,
    /** Key of a session: equal requests of one session get equal answers. */
    sessionOf: ({ principal, head }: AcceptedRequest) => sessionOf(options.schemaName, principal, head),
    async answer(head: RequestHead, readParams: () => RequestParams): Promise<Outcome> {
      const accepted = await accept(head, readParams);
      if ('kind' in accepted) return accepted;
      const checked = check(accepted, accepted.request);
      const outcome = 'kind' in checked ? checked : await run(accepted, checked);
      finish(accepted, outcome);
      return outcome;
    },
  };
}

function withRates(outcome: Outcome, { rateHeaders }: AcceptedRequest): Outcome {
  return rateHeaders ? { ...outcome, headers: { ...rateHeaders, ...outcome.headers } } : outcome;
}

/**
 * The account of a rate limit: one for each principal, across projects and tokens. It is part of a key in Redis, so a subject
 * that is an e-mail address is hashed, as in the log.
 */
function accountOf({ id }: Principal): string {
  return loggableId(id);
}

/** Everything that decides an answer besides the API's data. */
function nameOf(schemaName: string, request: OperationRequest, principal: Principal, head: RequestHead): string {
  const { query, operationName = null, variables = null } = request;
  return `${sessionOf(schemaName, principal, head)} ${JSON.stringify([query, operationName, variables], spellUnkept)}`;
}

/** Everything that decides an answer besides the operation and the API's data: the caller, and some headers. */
function sessionOf(schemaName: string, { shareKey }: Principal, { method, headers }: RequestHead): string {
  const flags = [
    schemaName,
    method,
    headers['x-upstream-plan'],
    headers['x-upstream-receipt'],
    headers['cache-control'],
  ];
  return `${shareKey} ${JSON.stringify(flags)}`;
}

/** Waits for a run. When the last waiting client disconnects, the run is cancelled. */
async function waitFor(execution: Execution, head: RequestHead): Promise<Outcome> {
  execution.waiters += 1;
  const stopWatching = head.onDisconnect(() => {
    execution.waiters -= 1;
    if (execution.waiters === 0) execution.cancel();
  });
  try {
    return await execution.outcome;
  } finally {
    stopWatching();
  }
}
