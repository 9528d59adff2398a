import { type FC, useState } from 'react';
import type { Call, Outcome, Receipt } from '../api.ts';
import { useRun } from '../run.ts';
import { Budget } from './budget.tsx';
import { Endpoint } from './endpoint.tsx';
import { count, details, ms, outcomeOf } from './words.ts';

/** Bars drawn before the user chooses “Show all”. */
const FIRST_BARS = 100;

const LEGEND: Readonly<Record<Outcome, string>> = {
  ok: 'answered',
  refused: 'rejected by the API (4xx)',
  failed: 'failed or aborted',
  shared: 'shared with an equal read: no call',
  cached: 'from the cache: no call',
  stale: 'from the cache, older than its lifetime',
};

/** Shows the cost of the open tab's last run: the total, and each REST call as a bar on a time axis. */
export const LastRun: FC = () => {
  const { state, operation, receipt } = useRun();
  return (
    <section className="cost-section" aria-labelledby="cost-run">
      <h3 id="cost-run">
        Last run
        {operation && (
          <>
            {': '}
            <span className="cost-operation">{operation}</span>
          </>
        )}
      </h3>
      {state === 'none' ? (
        <p className="cost-note">Run the operation of this tab to see its REST calls.</p>
      ) : state === 'running' ? (
        <p className="cost-note">Running …</p>
      ) : state === 'stopped' ? (
        <p className="cost-note">The run ended before the gateway sent its cost.</p>
      ) : receipt === undefined ? (
        <p className="cost-note">The operation did not run, so it made no REST calls.</p>
      ) : (
        <Waterfall receipt={receipt} />
      )}
    </section>
  );
};

const Waterfall: FC<{ receipt: Receipt }> = ({ receipt }) => {
  const [all, setAll] = useState(false);
  const { calls, budget, trace, ms: took, omitted = 0 } = receipt;
  const shown = all ? trace : trace.slice(0, FIRST_BARS);
  const whole = Math.max(took, ...trace.map(({ start, ms }) => start + ms), 0.1);
  const outcomes = (Object.keys(LEGEND) as Outcome[]).filter((name) => trace.some(({ outcome }) => outcome === name));
  return (
    <>
      <Budget used={calls} limit={budget}>
        of {count(budget)} REST calls
      </Budget>
      <p className="cost-note">In {details(receipt)}</p>
      {trace.length > 0 && (
        <>
          <ul className="cost-legend" aria-label="Colours of the bars">
            {outcomes.map((outcome) => (
              <li key={outcome}>
                <span className={`cost-swatch cost-${outcome}`} aria-hidden="true" />
                <b>{outcome}</b> {LEGEND[outcome]}
              </li>
            ))}
          </ul>
          <ol className="cost-bars" aria-label={`REST calls in ${ms(whole)}`}>
            {shown.map((call, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a trace is never reordered
              <Bar key={index} call={call} whole={whole} />
            ))}
          </ol>
          {shown.length < trace.length && (
            <button type="button" className="cost-button" onClick={() => setAll(true)}>
              Show all {count(trace.length)}
            </button>
          )}
          {omitted > 0 && <p className="cost-note">The trace omits {count(omitted)} more.</p>}
          <details className="cost-details">
            <summary>As a table</summary>
            <CallTable calls={shown} />
          </details>
        </>
      )}
    </>
  );
};

const Bar: FC<{ call: Call; whole: number }> = ({ call, whole }) => (
  <li className="cost-bar">
    <span className="cost-endpoint">
      <Endpoint name={call.endpoint} />
      <span className="cost-took">
        {call.outcome !== 'ok' || call.attempts > 1 ? <em>{outcomeOf(call)}</em> : null} {ms(call.ms)}
      </span>
    </span>
    <span className="cost-track" aria-hidden="true">
      <span
        className={`cost-span cost-${call.outcome}${call.attempts > 1 ? ' cost-retried' : ''}`}
        style={{ left: `${(call.start / whole) * 100}%`, width: `${(call.ms / whole) * 100}%` }}
      />
    </span>
  </li>
);

const CallTable: FC<{ calls: readonly Call[] }> = ({ calls }) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable area must be reachable by keyboard
  <section className="cost-scroll" aria-label="REST calls as a table" tabIndex={0}>
    <table className="cost-table">
      <thead>
        <tr>
          <th scope="col">Endpoint</th>
          <th scope="col">Outcome</th>
          <th scope="col" className="cost-number">
            Start
          </th>
          <th scope="col" className="cost-number">
            Took
          </th>
        </tr>
      </thead>
      <tbody>
        {calls.map((call, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a trace is never reordered
          <tr key={index}>
            <th scope="row">
              <Endpoint name={call.endpoint} />
            </th>
            <td>{outcomeOf(call)}</td>
            <td className="cost-number">{ms(call.start)}</td>
            <td className="cost-number">{ms(call.ms)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </section>
);
