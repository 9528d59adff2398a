import { readLink, type Shared } from './link.ts';
import { settings } from './settings.ts';

/** What GraphiQL starts with. */
export interface Start {
  readonly defaultTabs: { query: string; variables: string | null; headers: string | null }[];
  readonly initialQuery?: string;
  readonly initialVariables?: string;
}

/** The operation that the link names, else the tab that was open when the page was left, else the first example. */
export function startTabs(): Start {
  const shared = readLink();
  const open = shared ?? lastTab();
  const headers = settings.headers || null;
  const examples = settings.examples.map((query) => ({ query, variables: null, headers }));
  // On a first visit GraphiQL opens the first of these, whatever else it is told.
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

/** Unless GraphiQL is told, it opens an empty tab beside those that it kept. */
function lastTab(): Shared | undefined {
  try {
    const { tabs, activeTabIndex } = JSON.parse(localStorage.getItem('graphiql:tabState') ?? '');
    const { query, variables } = tabs[activeTabIndex];
    return { query: query ?? '', variables: variables ?? undefined };
  } catch {
    return undefined;
  }
}
