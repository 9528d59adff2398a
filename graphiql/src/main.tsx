import './workers.ts';
import 'graphiql/style.css';
import '@graphiql/plugin-explorer/style.css';
import './style.css';
import { explorerPlugin } from '@graphiql/plugin-explorer';
import { HISTORY_PLUGIN } from '@graphiql/plugin-history';
import { GraphiQL } from 'graphiql';
import { createRoot } from 'react-dom/client';
import { createFetcher } from './api.ts';
import { COST_PLUGIN } from './cost/panel.tsx';
import { Status } from './cost/status.tsx';
import { writeLink } from './link.ts';
import { setRun } from './run.ts';
import { settings } from './settings.ts';
import { storage } from './storage.ts';
import { startTabs } from './tabs.ts';
import { FollowSystem } from './theme.tsx';
import { CopyLink } from './toolbar.tsx';

const fetcher = createFetcher(
  () => setRun({ state: 'running', receipt: undefined }),
  (receipt) => setRun(receipt === 'stopped' ? { state: 'stopped', receipt: undefined } : { state: 'done', receipt }),
);
const plugins = [HISTORY_PLUGIN, explorerPlugin(), COST_PLUGIN];
// A link pasted into the address bar of an open page changes only the hash, which does not load the page again.
addEventListener('hashchange', () => location.reload());

createRoot(document.getElementById('root') as HTMLElement).render(
  <GraphiQL
    fetcher={fetcher}
    plugins={plugins}
    storage={storage}
    shouldPersistHeaders={false}
    defaultEditorToolsVisibility={settings.headers ? 'headers' : 'variables'}
    {...startTabs()}
    {...(settings.headers && { defaultHeaders: settings.headers, initialHeaders: settings.headers })}
    onTabChange={({ tabs, activeTabIndex }) => {
      const tab = tabs[activeTabIndex];
      writeLink(tab?.query ?? null, tab?.variables ?? null);
    }}
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
          <CopyLink />
        </>
      )}
    </GraphiQL.Toolbar>
    <GraphiQL.Footer>
      <Status />
    </GraphiQL.Footer>
    <FollowSystem />
  </GraphiQL>,
);
