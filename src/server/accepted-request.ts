import type { Principal } from '../auth/principal.ts';
import type { ScopeSet } from '../auth/scopes.ts';
import type { BulkLimits } from '../datatrics/bulk/chunk.ts';
import type { Caller } from '../datatrics/callers.ts';
import type { Capabilities } from '../datatrics/capabilities.ts';
import type { Selection } from '../datatrics/json-selection.ts';
import type { Admission } from '../graph/admission.ts';
import { type ContextOptions, createContext, type GatewayContext } from '../graph/context.ts';
import type { CostSettings } from '../graph/cost.ts';
import type { Checked, Run } from '../graph/execution.ts';
import type { Outcome } from '../graph/outcome.ts';
import type { OperationRequest } from '../graph/pipeline.ts';
import type { OperationIdentity } from '../graph/prepared-operation.ts';
import { GatewayError } from '../lib/error.ts';
import { Freshness, parseCacheControl } from '../upstream/freshness.ts';
import { Operation, type OperationLimits } from '../upstream/operation.ts';
import { callTraceOf, type Observed } from './observer.ts';

export interface RequestSetting {
  readonly projectOf: (project: string) => ContextOptions['project'] & {
    readonly limits: OperationLimits;
    readonly admission: Admission;
  };
  readonly capabilities: Capabilities;
  readonly hasCache: boolean;
  readonly bulkLimits: BulkLimits;
  readonly reportUnexpected: (error: unknown, requestId?: string) => void;
  readonly onAbandonedWrite: ContextOptions['onAbandonedWrite'];
}

/** A GraphQL request whose caller is authenticated and within the rate limit, as the pipeline and both ways of answering use it. */
export class AcceptedRequest implements Run {
  readonly observed: Observed;
  readonly principal: Principal;
  readonly party: Caller;
  readonly request: OperationRequest;
  /** The hash under which the document is registered if it runs. */
  readonly persistedHash: string | undefined;
  readonly costSettings: CostSettings;
  /** What to run, or the outcome of a request that is invalid or asks for its plan. */
  checked!: Checked | Outcome;
  /** The plugins' context, to which the gateway adds its own fields. */
  pluginContext: object | undefined;
  /** To be called when the client has its answer. */
  onFinish: (() => void) | undefined;
  readonly #setting: RequestSetting;
  readonly #project: ReturnType<RequestSetting['projectOf']>;

  constructor(
    observed: Observed,
    principal: Principal,
    caller: Caller,
    request: OperationRequest,
    persistedHash: string | undefined,
    setting: RequestSetting,
  ) {
    this.observed = observed;
    this.principal = principal;
    this.party = caller;
    this.request = request;
    this.persistedHash = persistedHash;
    this.#setting = setting;
    this.#project = setting.projectOf(principal.project);
    const { settings: project } = this.#project;
    this.costSettings = { project, projectId: principal.project, bulkLimits: setting.bulkLimits };
  }

  get scopes(): ScopeSet {
    return this.principal.scopes;
  }

  get admission(): Admission {
    return this.#project.admission;
  }

  get allowMutation(): boolean {
    return this.observed.req.method === 'POST';
  }

  get planOnly(): boolean {
    return this.observed.req.headers['x-upstream-plan'] === '1';
  }

  get receipt(): boolean {
    const receipt = this.observed.req.headers['x-upstream-receipt'];
    return receipt === '1' || receipt === 'trace';
  }

  identify(operation: OperationIdentity): void {
    this.observed.operation = operation;
  }

  reportUnexpected(error: unknown): void {
    this.#setting.reportUnexpected(error, this.observed.requestId);
  }

  context(selection: Selection | undefined): GatewayContext {
    const { observed, principal, party: caller } = this;
    const { capabilities, bulkLimits, onAbandonedWrite, hasCache } = this.#setting;
    const { headers } = observed.req;
    const trace = callTraceOf(observed, headers['x-upstream-receipt'] === 'trace');
    const operation = new Operation(this.#project.limits, trace, observed.upstreamHeaders);
    observed.run = operation;
    if (hasCache) operation.freshness = new Freshness(parseCacheControl(headers['cache-control']));
    const shared = { project: this.#project, capabilities, bulkLimits, onAbandonedWrite };
    const own = createContext({ principal, caller, operation, selection, ...shared });
    return this.pluginContext ? Object.assign(this.pluginContext, own) : own;
  }

  cancel(): void {
    this.observed.run?.cancel(clientGone());
  }
}

export function clientGone(): GatewayError {
  return new GatewayError('UPSTREAM_UNAVAILABLE', 'The client disconnected.');
}
