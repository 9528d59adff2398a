import { readLink, type Shared } from './link.ts';
import { settings } from './settings.ts';

/** Initial tabs and operation of GraphiQL. */
export interface Start {
  readonly defaultTabs: { query: string; variables: string | null; headers: string | null }[];
  readonly initialQuery?: string;
  readonly initialVariables?: string;
}

/** Opens the operation in the link, else the last open tab, else the first example. */
export function startTabs(): Start {
  const shared = readLink();
  const open = shared ?? lastTab();
  const headers = settings.headers || null;
  const examples = settings.examples
    .filter(({ isTab }) => isTab)
    .map(({ query }) => ({ query, variables: null, headers }));
  // On a first visit, GraphiQL opens the first default tab and ignores the initial query.
  const defaultTabs = shared
    ? [
        { query: shared.query, variables: shared.variables ?? null, headers },
        ...examples.filter(({ query }) => shared.variables || query !== shared.query),
      ]
    : examples;
  return {
    defaultTabs,
    ...(open && { initialQuery: open.query }),
    ...(open?.variables && { initialVariables: open.variables }),
  };
}

/** Returns the last open tab. Without an initial query, GraphiQL opens an empty tab beside the stored ones. */
function lastTab(): Shared | undefined {
  try {
    const { tabs, activeTabIndex } = JSON.parse(localStorage.getItem('graphiql:tabState') ?? '');
    const { query, variables } = tabs[activeTabIndex];
    return { query: query ?? '', variables: variables ?? undefined };
  } catch {
    return undefined;
  }
}
