import type { FC } from 'react';
import { useRun } from '../run.ts';
import { answerLine, summary } from './words.ts';

/**
 * The last run of the open tab below the answer: status, time and size, and the cost. Screen readers announce it once, when
 * the answer is complete.
 */
export const Status: FC = () => {
  const { state, operation, receipt, answer } = useRun();
  const isComplete = state === 'done';
  return (
    <div className="cost-status">
      {answer && (
        <span className={/^2/.test(answer.status) ? 'answer-facts' : 'answer-facts answer-failed'}>
          {answerLine(answer)}
          {state === 'running' && ' so far'}
          {state === 'stopped' && ', incomplete'}
        </span>
      )}
      <span role="status">{isComplete && receipt ? `${operation}: ${summary(receipt)}` : ''}</span>
    </div>
  );
};
