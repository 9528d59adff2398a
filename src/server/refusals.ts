import { type IncomingMessage, METHODS } from 'node:http';
import type { Logger } from '../lib/log.ts';
import type { Metrics } from './metrics.ts';
import { requestIdOf, traceParentOf } from './request-id.ts';

/**
 * Records a request that was refused before GraphQL, and so has no line as an operation.
 * @param request undefined if it could not be read
 */
export type RecordRefusal = (status: number, request?: Pick<IncomingMessage, 'method' | 'url' | 'headers'>) => void;

/** Paths that a log line shows. Others may hold anything. */
const PLAIN_PATH = /^[\w./-]{1,80}$/;

/** Writes a log line for each refused request, and counts it. */
export function createRecordRefusal({ log, metrics }: { log: Logger; metrics: Metrics }): RecordRefusal {
  const logs = log.isLevelEnabled('info');
  return (status, request) => {
    metrics.onRefused(status);
    if (logs) log.info({ ...(request && describe(request)), status }, 'request refused');
  };
}

function describe({ method = '', url = '', headers }: Pick<IncomingMessage, 'method' | 'url' | 'headers'>): object {
  const [path = ''] = url.split('?');
  return {
    requestId: headers['x-request-id'] === undefined ? undefined : requestIdOf(headers),
    trace_id: traceParentOf(headers)?.traceId,
    method: METHODS.includes(method) ? method : '_OTHER',
    path: PLAIN_PATH.test(path) ? path : undefined,
  };
}
