import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { Principal } from '../auth/principal.ts';
import type { RateLimiter } from '../auth/rate-limit.ts';
import type { Caller, Callers } from '../datatrics/callers.ts';
import type { Checked, Parts } from '../graph/execution.ts';
import { type Outcome, outcomeOfError, refused } from '../graph/outcome.ts';
import type { OperationRequest, Pipeline } from '../graph/pipeline.ts';
import { GatewayError } from '../lib/error.ts';
import { spellUnkept } from '../lib/exact-json.ts';
import { loggableId } from '../lib/log.ts';
import { AcceptedRequest, clientGone, type RequestSetting } from './accepted-request.ts';
import type { Collapse, Execution } from './collapse.ts';
import type { RequestParams } from './graphql-params.ts';
import { type Load, overloaded } from './load-shedder.ts';
import type { Observed, Observer, OperationMessage } from './observer.ts';
import type { PersistedQueries } from './persisted-queries.ts';
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
   * Authenticates the caller, applies the rate limit, and finds and checks the operation. Nothing has run yet. The caller calls
   * `finish` once for each accepted request. The outcome of a refused request is final.
   */
  async function accept(
    message: OperationMessage,
    readParams: () => RequestParams,
  ): Promise<AcceptedRequest | Outcome> {
    const { req, res } = message;
    const observed = observer.begin(message);
    let admitted: Caller | undefined;
    const refuse = (outcome: Outcome): Outcome => {
      if (admitted) load.release(admitted);
      observer.end(observed, outcome);
      return outcome;
    };
    try {
      const params = readParams();
      const known = authenticate(req.headers, params);
      const principal = known instanceof Promise ? await known : known;
      observed.principal = principal;
      const caller = options.callers.of(principal.id);
      if (!load.admit(caller)) return refuse(overloaded());
      admitted = caller;
      const taken = await rateLimiter?.take(accountOf(principal, caller));
      if (taken?.allowed === false) {
        const text = 'Rate limit exceeded: this caller has used its requests or REST calls of this minute.';
        return refuse(refused(429, 'RATE_LIMITED', text, taken.headers));
      }
      if (taken) for (const [name, value] of Object.entries(taken.headers)) res.setHeader(name, value);
      // The client may have disconnected while its token was checked.
      if (res.closed) return refuse(outcomeOfError(clientGone(), () => undefined));
      const { variables, persistedHash } = params;
      const query = options.resolveDocument(params, principal) ?? (await registered(persistedHash));
      const request = { query, operationName: params.operationName || undefined, variables };
      // Only a request with the text registers it: an id may belong to a published document.
      const newHash = params.query === undefined ? undefined : persistedHash;
      const accepted = new AcceptedRequest(observed, principal, caller, request, newHash, options);
      accepted.checked = check(accepted, request);
      return 'kind' in accepted.checked && accepted.checked.kind === 'refused' ? refuse(accepted.checked) : accepted;
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

  function check(accepted: AcceptedRequest, request: OperationRequest): Checked | Outcome {
    try {
      return pipeline.check(request, accepted);
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

  function end({ observed: { run }, principal, party }: AcceptedRequest): void {
    run?.end();
    rateLimiter?.charge(accountOf(principal, party), run?.usage.calls ?? 0);
  }

  function start(accepted: AcceptedRequest, checked: Checked): Execution {
    return { outcome: execute(accepted, checked), waiters: 0, cancel: () => accepted.cancel() };
  }

  async function run(accepted: AcceptedRequest, checked: Checked): Promise<Outcome> {
    const execution =
      collapse && checked.operation.node.operation === 'query'
        ? collapse.run(nameOf(accepted), () => start(accepted, checked))
        : start(accepted, checked);
    const outcome = await waitFor(execution, accepted.observed.res);
    registerDocument(accepted, outcome.kind);
    return outcome;
  }

  /** Runs an operation, and answers in parts if the document has `@defer` or `@stream`. */
  async function runInParts(accepted: AcceptedRequest, checked: Checked): Promise<Outcome | Parts> {
    const { res } = accepted.observed;
    const cancel = (): void => accepted.cancel();
    const stop = (): void => {
      res.off('close', cancel);
      cancel();
      end(accepted);
    };
    res.once('close', cancel);
    let result: Outcome | Parts;
    try {
      result = await pipeline.executeInParts(checked, accepted);
    } catch (error) {
      result = outcomeOfThrown(error, accepted.observed);
    }
    if (result.kind === 'parts') accepted.onFinish = stop;
    else stop();
    registerDocument(accepted, result.kind);
    return result;
  }

  /** An executed document is valid and within the limits; its caller must be one whose key the API accepted. */
  function registerDocument({ persistedHash, party, request }: AcceptedRequest, kind: (Outcome | Parts)['kind']): void {
    const isExecuted = kind === 'executed' || kind === 'parts';
    if (persistedHash !== undefined && isExecuted && party.isAccepted) {
      persistedQueries?.register(persistedHash, request.query);
    }
  }

  /** To be called once the client has its answer or has gone. */
  function finish(accepted: AcceptedRequest, outcome: Outcome): void {
    accepted.onFinish?.();
    load.release(accepted.party);
    observer.end(accepted.observed, outcome);
  }

  /**
   * Key of a session: equal requests of one session get equal answers. It has everything that decides an answer besides the
   * operation and the API's data: the caller, and some headers.
   */
  function sessionOf({ principal: { shareKey }, observed: { req } }: AcceptedRequest): string {
    const names = ['x-upstream-plan', 'x-upstream-receipt', 'cache-control'];
    return `${shareKey} ${JSON.stringify([options.schemaName, req.method, ...names.map((name) => req.headers[name])])}`;
  }

  function nameOf(accepted: AcceptedRequest): string {
    const { query, operationName = null, variables = null } = accepted.request;
    return `${sessionOf(accepted)} ${JSON.stringify([query, operationName, variables], spellUnkept)}`;
  }

  return {
    pipeline,
    accept,
    check,
    run,
    runInParts,
    finish,
    sessionOf,
    async answer(message: OperationMessage, readParams: () => RequestParams): Promise<Outcome> {
      const accepted = await accept(message, readParams);
      if ('kind' in accepted) return accepted;
      const { checked } = accepted;
      const outcome = 'kind' in checked ? checked : await run(accepted, checked);
      finish(accepted, outcome);
      return outcome;
    },
  };
}

/**
 * The account of a rate limit: one for each principal, across projects and tokens. It is part of a key in Redis, so a subject
 * that is an e-mail address is hashed, as in the log.
 */
function accountOf({ id }: Principal, caller: Caller) {
  return { name: loggableId(id), caller };
}

/** When the last waiting client disconnects, the run is cancelled. */
async function waitFor(execution: Execution, res: ServerResponse): Promise<Outcome> {
  execution.waiters += 1;
  const leave = (): void => {
    execution.waiters -= 1;
    if (execution.waiters === 0) execution.cancel();
  };
  res.once('close', leave);
  try {
    return await execution.outcome;
  } finally {
    res.off('close', leave);
  }
}
