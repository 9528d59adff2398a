import { Spinner } from '@graphiql/react';
import { type FC, lazy, Suspense } from 'react';

/** Returns a panel whose code is loaded when it is first shown, so that the page itself loads faster. */
export function onDemand(load: () => Promise<{ default: FC }>): FC {
  const Panel = lazy(load);
  return () => (
    <Suspense fallback={<Spinner />}>
      <Panel />
    </Suspense>
  );
}
