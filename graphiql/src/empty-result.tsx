import { formatShortcutForOS, KEY_MAP, pick, useGraphiQL } from '@graphiql/react';
import type { FC } from 'react';
import { settings } from './settings.ts';

/** Says in an empty result pane how to get a result. */
export const EmptyResult: FC = () => {
  const { tabs, activeTabIndex, isFetching, fetchError } = useGraphiQL(
    pick('tabs', 'activeTabIndex', 'isFetching', 'fetchError'),
  );
  if (isFetching || fetchError || tabs[activeTabIndex]?.response) return null;
  return (
    <div className="empty-result">
      <p>
        Press ▶ or <kbd>{formatShortcutForOS(KEY_MAP.runQuery.key)}</kbd> to run the operation. The answer appears here.
      </p>
      {settings.headers && <p>First enter your credentials in the tab “Headers” below the editor.</p>}
      <p>
        The panel “Examples” has more operations. “Docs” and “Explorer” show what you can request, and “Cost” shows the
        REST calls of an operation.
      </p>
    </div>
  );
};
