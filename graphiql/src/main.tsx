import './workers.ts';
import 'graphiql/style.css';
import './style.css';
import './cost/cost.css';
import { HISTORY_PLUGIN, HistoryStore } from '@graphiql/plugin-history';
import { GraphiQLProvider } from '@graphiql/react';
import { GraphiQL, GraphiQLInterface } from 'graphiql';
import { createRoot } from 'react-dom/client';
import { createFetcher } from './api.ts';
import { COST_PLUGIN } from './cost/panel.tsx';
import { Status } from './cost/status.tsx';
import { DOCS_PLUGIN } from './docs.tsx';
import { WrapLines } from './editor-options.tsx';
import { EmptyResult } from './empty-result.tsx';
import { EXAMPLES_PLUGIN } from './examples.tsx';
import { EXPLORER_PLUGIN } from './explorer.tsx';
import { labelledIcon } from './icon.tsx';
import { writeLink } from './link.ts';
import { startRun } from './run.ts';
import { settings } from './settings.ts';
import { storage } from './storage.ts';
import { TabBar } from './tab-bar.tsx';
import { startTabs } from './tabs.ts';
import { FollowSystem } from './theme.tsx';
import { Copy } from './toolbar.tsx';

const fetcher = createFetcher((operation) => {
  const change = startRun(operation);
  return {
    onMessage: (answer) => change({ answer }),
    onEnd: (receipt) => change(receipt === 'stopped' ? { state: 'stopped' } : { state: 'done', receipt }),
  };
});
const history = {
  ...HISTORY_PLUGIN,
  icon: labelledIcon('History', <path d="M3 10a7 7 0 1 0 2.2-5.1L3 7M3 3v4h4M10 6.5V10l2.5 1.5" />),
};
const plugins = [DOCS_PLUGIN, EXAMPLES_PLUGIN, EXPLORER_PLUGIN, history, COST_PLUGIN];
// A link pasted into the address bar of an open page changes only the hash, which does not load the page again.
addEventListener('hashchange', () => location.reload());

createRoot(document.getElementById('root') as HTMLElement).render(
  <GraphiQLProvider
    fetcher={fetcher}
    plugins={plugins}
    referencePlugin={DOCS_PLUGIN}
    storage={storage}
    shouldPersistHeaders={false}
    {...startTabs()}
    {...(settings.headers && { defaultHeaders: settings.headers, initialHeaders: settings.headers })}
    onTabChange={({ tabs, activeTabIndex }) => {
      const tab = tabs[activeTabIndex];
      writeLink(tab?.query ?? null, tab?.variables ?? null);
    }}
  >
    <HistoryStore>
      <GraphiQLInterface
        // On a phone, the query needs the space.
        defaultEditorToolsVisibility={
          settings.headers ? 'headers' : matchMedia('(max-width: 700px)').matches ? false : 'variables'
        }
        showPersistHeadersSettings={false}
      >
        <GraphiQL.Logo>
          <h1>Datatrics GraphQL</h1>
        </GraphiQL.Logo>
        <GraphiQL.Toolbar>
          {({ prettify, merge, copy }) => (
            <>
              {prettify}
              {merge}
              {copy}
              <Copy />
            </>
          )}
        </GraphiQL.Toolbar>
        <GraphiQL.Footer>
          <EmptyResult />
          <Status />
        </GraphiQL.Footer>
        <FollowSystem />
        <WrapLines />
        <TabBar />
      </GraphiQLInterface>
    </HistoryStore>
  </GraphiQLProvider>,
);
