import type { RunOperation } from './operations.ts';
import type { FetchHandler } from './yoga.ts';

/** One schema over HTTP. */
export interface Endpoint {
  readonly runOperation: RunOperation;
  readonly yoga: FetchHandler;
  /** Whether people use it too: with GraphiQL, and from the pages of other origins where that is configured. */
  readonly forBrowsers: boolean;
}
