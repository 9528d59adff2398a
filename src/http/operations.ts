import type { IncomingHttpHeaders } from 'node:http';
import type { BulkLimits } from '../bulk/chunk.ts';
import { createTarget } from '../bulk/target.ts';
import { bulkUpsert } from '../bulk/upsert.ts';
import type { Caller, Callers } from '../datatrics/callers.ts';
import type { Capabilities } from '../datatrics/capabilities.ts';
import type { Client } from '../datatrics/client.ts';
import { type ProjectSettings, Session } from '../datatrics/session.ts';
import { Writer } from '../datatrics/writer.ts';
import { type Outcome, outcomeOfError, refused } from '../graph/outcome.ts';
import type { OperationRequest, Pipeline } from '../graph/pipeline.ts';
import type { Admission } from '../lib/admission.ts';
import { spellUnkept } from '../lib/digits.ts';
import { GatewayError } from '../lib/error.ts';
import { Freshness, readDemand } from '../lib/freshness.ts';
import { loggableId } from '../lib/log.ts';
import { Operation, type OperationLimits } from '../lib/operation.ts';
import type { Principal } from '../lib/principal.ts';
import type { Collapse, Execution } from './collapse.ts';
import type { ResolveDocument } from './documents.ts';
import { type Load, overloaded } from './load.ts';
import { callTraceOf, type Observed, type Observer } from './observe.ts';
import { type RequestParams, RequestRefused } from './params.ts';
import type { PersistedQueries } from './persisted-queries.ts';
import type { RateLimiter } from './rate-limit.ts';

export interface OperationsOptions {
  readonly pipeline: Pipeline;
  /** Tells its answers from those of another schema. */
  readonly schemaName: string;
  /** Tells who asks, as `Authenticate` does; what is asked may prove it too. */
  readonly authenticate: (headers: IncomingHttpHeaders, params: RequestParams) => Principal | Promise<Principal>;
  /** What callers are to bring, as `WWW-Authenticate` says it. */
  readonly challenge: string;
  readonly resolveDocument: ResolveDocument;
  /** Undefined: clients can't register documents. */
  readonly persistedQueries: PersistedQueries | undefined;
  /** Undefined: no limits. */
  readonly rateLimiter: RateLimiter | undefined;
  /** Undefined: each operation runs for itself. */
  readonly collapse: Collapse | undefined;
  /** What serves a project. */
  readonly projectOf: (project: string) => {
    /** Base URL of its API. */
    readonly upstream: string;
    readonly client: Client;
    readonly settings: ProjectSettings;
    readonly limits: OperationLimits;
    readonly admission: Admission;
  };
  readonly callers: Callers;
  readonly load: Load;
  readonly capabilities: Capabilities;
  /** Whether answers of the API are remembered. */
  readonly hasCache: boolean;
  readonly bulkLimits: BulkLimits;
  readonly reportUnexpected: (error: unknown, requestId?: string) => void;
  /** Told what became of a bulk write that nobody waited for to the end. */
  readonly onAbandonedWrite: (summary: object) => void;
  readonly observer: Observer;
}

/** What the HTTP side knows of a request, whichever way it is answered. */
export interface RequestHead {
  readonly method: 'GET' | 'POST';
  readonly headers: IncomingHttpHeaders;
  /** Whether the client has gone already. */
  isGone(): boolean;
  /** Calls back when the client goes away before its answer; gives a function that takes this back. */
  onDisconnect(callback: () => void): () => void;
}

/** Runs one GraphQL request: who asks, then the pipeline, within a new operation's life. Never rejects. */
export type RunOperation = (head: RequestHead, readParams: () => RequestParams) => Promise<Outcome>;

export function createRunOperation(options: OperationsOptions): RunOperation {
  const { pipeline, authenticate, capabilities, rateLimiter, collapse, load, observer, persistedQueries } = options;

  /** Starts an operation; what it reads upstream is given up when `cancel` is called. */
  function begin(
    request: OperationRequest,
    principal: Principal,
    caller: Caller,
    head: RequestHead,
    observed: Observed,
  ): Execution & { calls(): number } {
    let operation: Operation | undefined;
    const { client, settings, limits, admission, upstream } = options.projectOf(principal.project);
    const receipt = head.headers['x-upstream-receipt'];
    const outcome = pipeline.run(request, {
      scopes: principal.scopes,
      admission,
      party: caller,
      allowMutation: head.method === 'POST',
      planOnly: head.headers['x-upstream-plan'] === '1',
      receipt: receipt === '1' || receipt === 'trace',
      identify: (identity) => {
        observed.operation = identity;
      },
      reportUnexpected: (error) => options.reportUnexpected(error, observed.requestId),
      costSettings: { project: settings, projectId: principal.project, bulkLimits: options.bulkLimits },
      context: (selection) => {
        operation = new Operation(limits, callTraceOf(observed, receipt === 'trace'), observed.upstreamHeaders);
        observed.run = operation;
        if (options.hasCache) operation.freshness = new Freshness(readDemand(head.headers['cache-control']));
        const bound = client.as(principal, operation, caller);
        const session = new Session({ client: bound, principal, operation, settings, capabilities, selection });
        const life = operation;
        return {
          operation,
          session,
          writer: new Writer({ client: bound, session }),
          bulkUpsert: async (resource, { items, resumeToken, dryRun }) => {
            const target = createTarget(resource, bound, session, life);
            const result = await bulkUpsert({
              target,
              inputs: items,
              resumeToken,
              scope: { principal, upstream },
              dryRun,
              limits: options.bulkLimits,
            });
            if (life.signal.aborted) options.onAbandonedWrite({ resource, ...result.summary });
            return result;
          },
        };
      },
    });
    return {
      outcome: outcome.finally(() => operation?.end()),
      waiters: 0,
      cancel: () => operation?.cancel(clientGone()),
      calls: () => operation?.usage.calls ?? 0,
    };
  }

  async function run(head: RequestHead, readParams: () => RequestParams, observed: Observed): Promise<Outcome> {
    try {
      const params = readParams();
      const known = authenticate(head.headers, params);
      const principal = known instanceof Promise ? await known : known;
      observed.principal = principal;
      const caller = options.callers.of(principal.id);
      if (!load.admit(caller)) return overloaded();
      try {
        return await runFor(principal, caller, params, head, observed);
      } finally {
        load.release(caller);
      }
    } catch (error) {
      if (error instanceof RequestRefused) return refused(error.status, error.code, error.message, error.headers);
      const outcome = outcomeOfError(error, (bug) => options.reportUnexpected(bug, observed.requestId));
      return outcome.status === 401 ? { ...outcome, headers: { 'www-authenticate': options.challenge } } : outcome;
    }
  }

  /** The document that was registered with this hash. The messages are those that clients' links look for. */
  async function registered(hash: string | undefined): Promise<string> {
    const text = hash === undefined ? undefined : await persistedQueries?.find(hash);
    if (text !== undefined) return text;
    const message = persistedQueries ? 'PersistedQueryNotFound' : 'PersistedQueryNotSupported';
    throw new GatewayError('PERSISTED_QUERY_NOT_FOUND', message);
  }

  /** Runs the request of a caller that was let in. */
  async function runFor(
    principal: Principal,
    caller: Caller,
    params: RequestParams,
    head: RequestHead,
    observed: Observed,
  ): Promise<Outcome> {
    const account = rateLimiter && { name: accountOf(principal), caller };
    const taken = account && (await rateLimiter?.take(account));
    if (taken?.allowed === false) {
      const message = 'This caller has used up its requests or REST calls for now.';
      return refused(429, 'RATE_LIMITED', message, taken.headers);
    }
    // It may have gone while its token was checked; nothing is begun for nobody.
    if (head.isGone()) return outcomeOfError(clientGone(), () => undefined);
    const query = options.resolveDocument(params, principal) ?? (await registered(params.persistedHash));
    const request = { ...params, query };
    const start = (): Execution => {
      const execution = begin(request, principal, caller, head, observed);
      if (account) {
        const charge = (): void => rateLimiter?.charge(account, execution.calls());
        execution.outcome.then(charge, charge);
      }
      return execution;
    };
    const execution =
      collapse && pipeline.isQuery(request)
        ? collapse.run(nameOf(options.schemaName, request, principal, head), start)
        : start();
    const outcome = await waitFor(execution, head);
    // What ran is valid and within the limits, and its caller is known.
    if (params.persistedHash !== undefined && outcome.kind === 'executed' && caller.isAccepted) {
      persistedQueries?.register(params.persistedHash, query);
    }
    return taken ? { ...outcome, headers: { ...taken.headers, ...outcome.headers } } : outcome;
  }

  return async (head, readParams) => {
    const observed = observer.begin(head.headers);
    const outcome = await run(head, readParams, observed);
    observer.end(observed, outcome);
    return outcome;
  };
}

function clientGone(): GatewayError {
  return new GatewayError('UPSTREAM_UNAVAILABLE', 'The client went away.');
}

/** One that is made when it is first needed. */
export function createLazyRunOperation(create: () => Promise<RunOperation>): RunOperation {
  let made: Promise<RunOperation> | undefined;
  return async (head, readParams) => {
    made ??= create();
    return (await made)(head, readParams);
  };
}

/**
 * Whose requests and calls are counted together, whatever project they name and whatever rights each of their tokens has. It
 * may be a name in Redis, where a subject that is somebody's address has no more business than in a log.
 */
function accountOf({ id }: Principal): string {
  return loggableId(id);
}

/** Everything that an answer depends on besides what the API says. */
function nameOf(
  schemaName: string,
  request: OperationRequest,
  { shareKey }: Principal,
  { method, headers }: RequestHead,
): string {
  const { query, operationName = null, variables = null } = request;
  const flags = [
    schemaName,
    method,
    headers['x-upstream-plan'],
    headers['x-upstream-receipt'],
    headers['cache-control'],
  ];
  return `${shareKey} ${JSON.stringify([query, operationName, variables, flags], spellUnkept)}`;
}

/** Waits for a run; it is cancelled when the last client that waits for it has gone. */
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
