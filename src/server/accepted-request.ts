import type { Principal } from '../auth/principal.ts';
import type { Account } from '../auth/rate-limit.ts';
import type { ScopeSet } from '../auth/scopes.ts';
import type { BulkLimits } from '../datatrics/bulk/chunk.ts';
import type { Caller } from '../datatrics/callers.ts';
import type { Capabilities } from '../datatrics/capabilities.ts';
import type { Selection } from '../datatrics/json-selection.ts';
import type { Admission } from '../graph/admission.ts';
import { type ContextOptions, createContext, type GatewayContext } from '../graph/context.ts';
import type { CostSettings } from '../graph/field-cost.ts';
import type { OperationRequest, Run } from '../graph/pipeline.ts';
import type { OperationIdentity } from '../graph/prepared-operation.ts';
import { GatewayError } from '../lib/error.ts';
import { Freshness, parseCacheControl } from '../upstream/freshness.ts';
import { Operation, type OperationLimits } from '../upstream/operation.ts';
import { callTraceOf, type Observed } from './observer.ts';
import type { RequestHead } from './request-head.ts';

/** What all requests of an endpoint share. */
export interface RequestSetting {
  /** Finds the settings and connections of a project. */
  readonly projectOf: (project: string) => ContextOptions['project'] & {
    readonly limits: OperationLimits;
    readonly admission: Admission;
  };
  readonly capabilities: Capabilities;
  /** Whether the gateway caches answers of the API. */
  readonly hasCache: boolean;
  readonly bulkLimits: BulkLimits;
  readonly reportUnexpected: (error: unknown, requestId?: string) => void;
  readonly onAbandonedWrite: ContextOptions['onAbandonedWrite'];
}

/** The parts of an accepted request. */
interface AcceptedOptions {
  readonly head: RequestHead;
  readonly principal: Principal;
  readonly caller: Caller;
  readonly observed: Observed;
  readonly request: OperationRequest;
  /** The hash under which the document is registered if it runs. */
  readonly persistedHash: string | undefined;
  /** Undefined without a rate limit. */
  readonly account: Account | undefined;
  /** `ratelimit` and `ratelimit-policy`. */
  readonly rateHeaders: Readonly<Record<string, string>> | undefined;
}

/** A GraphQL request whose caller is authenticated and within the rate limit, as the pipeline and both ways of answering use it. */
export class AcceptedRequest implements Run {
  readonly head: RequestHead;
  readonly principal: Principal;
  readonly party: Caller;
  readonly observed: Observed;
  readonly request: OperationRequest;
  readonly persistedHash: string | undefined;
  readonly account: Account | undefined;
  readonly rateHeaders: Readonly<Record<string, string>> | undefined;
  readonly costSettings: CostSettings;
  /** Undefined before an operation runs. */
  operation: Operation | undefined;
  /** The plugins' context, to which the gateway adds its own fields. */
  pluginContext: object | undefined;
  /** Called when the client has its answer. */
  onFinish: (() => void) | undefined;
  readonly #setting: RequestSetting;
  readonly #project: ReturnType<RequestSetting['projectOf']>;

  constructor(accepted: AcceptedOptions, setting: RequestSetting) {
    this.head = accepted.head;
    this.principal = accepted.principal;
    this.party = accepted.caller;
    this.observed = accepted.observed;
    this.request = accepted.request;
    this.persistedHash = accepted.persistedHash;
    this.account = accepted.account;
    this.rateHeaders = accepted.rateHeaders;
    this.#setting = setting;
    const projectId = accepted.principal.project;
    this.#project = setting.projectOf(projectId);
    this.costSettings = { project: this.#project.settings, projectId, bulkLimits: setting.bulkLimits };
  }

  get scopes(): ScopeSet {
    return this.principal.scopes;
  }

  get admission(): Admission {
    return this.#project.admission;
  }

  get allowMutation(): boolean {
    return this.head.method === 'POST';
  }

  get planOnly(): boolean {
    return this.head.headers['x-upstream-plan'] === '1';
  }

  get receipt(): boolean {
    const receipt = this.head.headers['x-upstream-receipt'];
    return receipt === '1' || receipt === 'trace';
  }

  identify(operation: OperationIdentity): void {
    this.observed.operation = operation;
  }

  reportUnexpected(error: unknown): void {
    this.#setting.reportUnexpected(error, this.observed.requestId);
  }

  context(selection: Selection | undefined): GatewayContext {
    const { head, observed, principal, party: caller } = this;
    const { capabilities, bulkLimits, onAbandonedWrite, hasCache } = this.#setting;
    const trace = callTraceOf(observed, head.headers['x-upstream-receipt'] === 'trace');
    const operation = new Operation(this.#project.limits, trace, observed.upstreamHeaders);
    this.operation = operation;
    observed.run = operation;
    if (hasCache) operation.freshness = new Freshness(parseCacheControl(head.headers['cache-control']));
    const project = this.#project;
    const common = { principal, caller, operation, selection, project };
    const own = createContext({ ...common, capabilities, bulkLimits, onAbandonedWrite });
    return this.pluginContext ? Object.assign(this.pluginContext, own) : own;
  }

  /** Cancels the operation's REST calls. */
  cancel(): void {
    this.operation?.cancel(clientGone());
  }
}

export function clientGone(): GatewayError {
  return new GatewayError('UPSTREAM_UNAVAILABLE', 'The client disconnected.');
}
