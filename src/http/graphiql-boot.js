// Runs in the browser, after graphiql.js. A file of its own, so that the page needs no inline script.
self.MonacoEnvironment = {
  globalAPI: false,
  getWorkerUrl: (_moduleId, label) =>
    ({ json: '/graphiql/json.worker.js', graphql: '/graphiql/graphql.worker.js' })[label] ??
    '/graphiql/editor.worker.js',
};

/** Characters of an address that our server takes for sure: it refuses a request's head beyond 16 KB. */
const MAX_ADDRESS = 8_000;

/** Keeps the open operation in the address, to be shared or reloaded, as long as it fits there. */
function onEditQuery(query) {
  const address = new URL(location.href);
  address.searchParams.set('query', query);
  if (query === '' || address.href.length > MAX_ADDRESS) address.searchParams.delete('query');
  history.replaceState({}, '', address);
}

/** The tab that was open when the page was left. Unless it is told, GraphiQL opens an empty one beside those it kept. */
function lastTab() {
  if (new URL(location.href).searchParams.has('query')) return {};
  try {
    const { tabs, activeTabIndex } = JSON.parse(localStorage.getItem('graphiql:tabState'));
    const { query, variables } = tabs[activeTabIndex];
    return { query, variables };
  } catch {
    return {};
  }
}

const root = document.getElementById('root');
if (self.YogaGraphiQL) {
  const settings = JSON.parse(document.getElementById('graphiql-options').textContent);
  self.YogaGraphiQL.renderYogaGraphiQL(root, { ...settings, ...lastTab(), onEditQuery });
} else {
  root.querySelector('.notice').textContent = 'GraphiQL could not be loaded. Reload the page to try again.';
}
