// Runs in the browser, after graphiql.js. A file of its own, so that the page needs no inline script.
self.MonacoEnvironment = {
  globalAPI: false,
  getWorkerUrl: (_moduleId, label) =>
    ({ json: '/graphiql/json.worker.js', graphql: '/graphiql/graphql.worker.js' })[label] ??
    '/graphiql/editor.worker.js',
};
const root = document.getElementById('root');
if (self.YogaGraphiQL) {
  self.YogaGraphiQL.renderYogaGraphiQL(root, JSON.parse(document.getElementById('graphiql-options').textContent));
} else {
  root.querySelector('.notice').textContent = 'GraphiQL could not be loaded. Reload the page to try again.';
}
