import type { Operations } from './operations.ts';
import type { YogaEndpoint } from './yoga.ts';

export interface Endpoint {
  readonly path: string;
  /** Whether people use it too: with GraphiQL, and from the pages of other origins where that is configured. */
  readonly forBrowsers: boolean;
  /** Whether the operator configured plugins: every request goes to Yoga then. */
  readonly hasPlugins: boolean;
  /** What answers its requests; made when it is first needed. */
  load(): EndpointParts | Promise<EndpointParts>;
}

export interface EndpointParts {
  readonly operations: Operations;
  /** Yoga, when it is first needed. */
  yoga(): Promise<YogaEndpoint>;
}

/** @param create makes a value once, when it is first asked for */
export function lazy<T>(create: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= create();
    return made;
  };
}
