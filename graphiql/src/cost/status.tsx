import type { FC } from 'react';
import { useRun } from '../run.ts';
import { summary } from './words.ts';

/** The cost of the last run in one line below the answer. Screen readers announce changes. */
export const Status: FC = () => {
  const { state, receipt } = useRun();
  return (
    <p className="cost-status" role="status">
      {state === 'done' && receipt ? `Upstream: ${summary(receipt)}` : ''}
    </p>
  );
};
