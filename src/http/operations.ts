import type { IncomingHttpHeaders } from 'node:http';
import type { Client } from '../datatrics/client.ts';
import type { Knowledge } from '../datatrics/knowledge.ts';
import { type ProjectSettings, Session } from '../datatrics/session.ts';
import { Writer } from '../datatrics/writer.ts';
import { type Outcome, outcomeOfError, type Pipeline, refused } from '../graph/pipeline.ts';
import { GatewayError } from '../lib/error.ts';
import { Operation, type OperationLimits } from '../lib/operation.ts';
import type { Authenticate } from './authenticate.ts';
import type { ResolveDocument } from './documents.ts';
import { type RequestParams, RequestRefused } from './params.ts';
import type { RateLimiter } from './rate-limit.ts';

export interface OperationsOptions {
  readonly pipeline: Pipeline;
  readonly authenticate: Authenticate;
  readonly resolveDocument: ResolveDocument;
  /** Undefined: no limits. */
  readonly rateLimiter: RateLimiter | undefined;
  readonly client: Client;
  readonly knowledge: Knowledge;
  readonly settings: ProjectSettings;
  readonly limits: OperationLimits;
  readonly reportUnexpected: (error: unknown) => void;
  /** Told of every operation's end. */
  readonly onOperation: (outcome: Outcome, ms: number) => void;
}

/** What the HTTP side knows of a request, whichever way it is answered. */
export interface RequestHead {
  readonly method: 'GET' | 'POST';
  readonly headers: IncomingHttpHeaders;
  /** Calls back when the client goes away before its answer; gives a function that takes this back. */
  onDisconnect(callback: () => void): () => void;
}

/** Runs one GraphQL request: who asks, then the pipeline, within a new operation's life. Never rejects. */
export type RunOperation = (head: RequestHead, readParams: () => RequestParams) => Promise<Outcome>;

export function createRunOperation(options: OperationsOptions): RunOperation {
  const { pipeline, authenticate, client, knowledge, settings, limits, reportUnexpected } = options;

  async function run(head: RequestHead, readParams: () => RequestParams): Promise<Outcome> {
    let operation: Operation | undefined;
    let stopWatching = (): void => undefined;
    try {
      const params = readParams();
      const principal = authenticate(head.headers);
      const taken = await options.rateLimiter?.take(principal.shareKey);
      if (taken?.allowed === false) {
        return refused(
          429,
          'RATE_LIMITED',
          'This caller has used up its requests or REST calls for now.',
          taken.headers,
        );
      }
      const request = { ...params, query: options.resolveDocument(params) };
      const outcome = await pipeline.run(request, {
        allowMutation: head.method === 'POST',
        planOnly: head.headers['x-upstream-plan'] === '1',
        receipt: head.headers['x-upstream-receipt'] === '1',
        costSettings: { project: settings, projectId: principal.project },
        context: () => {
          const life = new Operation(limits);
          operation = life;
          stopWatching = head.onDisconnect(() =>
            life.cancel(new GatewayError('UPSTREAM_UNAVAILABLE', 'The client went away.')),
          );
          const bound = client.as(principal, life);
          const session = new Session({ client: bound, principal, operation: life, settings, knowledge });
          return {
            operation: life,
            session,
            writer: new Writer({ client: bound, session }),
            bulkUpsert: undefined as never,
          };
        },
      });
      if (taken && operation) options.rateLimiter?.charge(principal.shareKey, operation.usage.calls);
      return taken ? { ...outcome, headers: { ...taken.headers, ...outcome.headers } } : outcome;
    } catch (error) {
      if (error instanceof RequestRefused) return refused(error.status, error.code, error.message, error.headers);
      return outcomeOfError(error, reportUnexpected);
    } finally {
      operation?.end();
      stopWatching();
    }
  }

  return async (head, readParams) => {
    const start = performance.now();
    const outcome = await run(head, readParams);
    options.onOperation(outcome, performance.now() - start);
    return outcome;
  };
}
