import { pick, useGraphiQL } from '@graphiql/react';
import { type FC, useEffect, useState } from 'react';
import { fetchPlan, type PlanEntry } from '../api.ts';
import { settings } from '../settings.ts';
import { Budget } from './budget.tsx';
import { Breakable, Endpoint } from './endpoint.tsx';
import { count } from './words.ts';

/** ms after the last keystroke before the plan is fetched again. */
const PAUSE_MS = 500;

type State = { readonly plan: readonly PlanEntry[] } | { readonly problem: string } | null;

/** Shows the estimated cost of the open operation. Fetches the plan from the gateway while the user types. */
export const Plan: FC = () => {
  const state = usePlan();
  return (
    <section className="cost-section" aria-labelledby="cost-plan">
      <h3 id="cost-plan">Plan of the next run</h3>
      {state === null ? (
        <p className="cost-note">Loading the plan …</p>
      ) : 'problem' in state ? (
        <p className="cost-problem">{state.problem}</p>
      ) : state.plan.length === 0 ? (
        <p className="cost-note">The operation needs no REST calls.</p>
      ) : (
        <PlanTable plan={state.plan} />
      )}
    </section>
  );
};

function usePlan(): State {
  const { tabs, activeTabIndex, operationName } = useGraphiQL(pick('tabs', 'activeTabIndex', 'operationName'));
  const tab = tabs[activeTabIndex];
  const query = tab?.query ?? '';
  const variables = tab?.variables ?? '';
  const headers = tab?.headers ?? settings.headers;
  const [state, setState] = useState<State>(null);
  useEffect(() => {
    if (query.trim() === '') {
      setState({ problem: 'Write an operation to see what it may cost.' });
      return;
    }
    const controller = new AbortController();
    const timer = setTimeout(() => {
      fetchPlan({ query, variables, operationName }, headers, controller.signal).then(
        (plan) => setState({ plan }),
        (error: unknown) => {
          if (!controller.signal.aborted) setState({ problem: error instanceof Error ? error.message : String(error) });
        },
      );
    }, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [query, variables, headers, operationName]);
  return state;
}

/** Explains what the gateway does with an operation of this worst case. The two limits differ: see docs/limits.md. */
const Verdict: FC<{ most: number }> = ({ most }) => {
  const calls = count(settings.maxCalls);
  const estimated = count(settings.maxEstimatedCalls);
  if (most > settings.maxEstimatedCalls) {
    return (
      <p className="cost-problem">
        The gateway rejects this operation before its first call, because its worst case is above {estimated} calls.
        Request smaller pages.
      </p>
    );
  }
  if (most > settings.maxCalls) {
    return (
      <p className="cost-warning">
        The gateway runs this operation, but makes at most {calls} calls. If the data needs more, the remaining fields
        are null, with the error <code>UPSTREAM_BUDGET_EXCEEDED</code>. Above {estimated} calls in the worst case, it
        would reject the operation.
      </p>
    );
  }
  return <p className="cost-note">One operation may make {calls} calls.</p>;
};

const PlanTable: FC<{ plan: readonly PlanEntry[] }> = ({ plan }) => {
  const least = plan.reduce((sum, { atLeast }) => sum + atLeast, 0);
  const most = plan.reduce((sum, { atMost }) => sum + atMost, 0);
  return (
    <>
      <Budget used={most} limit={settings.maxCalls}>
        REST calls in the worst case
      </Budget>
      <Verdict most={most} />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable area must be reachable by keyboard */}
      <section className="cost-scroll" aria-label="Planned REST calls" tabIndex={0}>
        <table className="cost-table">
          <thead>
            <tr>
              <th scope="col">Field and endpoint</th>
              <th scope="col" className="cost-number">
                at least
              </th>
              <th scope="col" className="cost-number">
                at most
              </th>
            </tr>
          </thead>
          <tbody>
            {plan.map(({ path, method, endpoint, atLeast, atMost, assumed }, index) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: one field may call an endpoint twice
              <tr key={index}>
                <th scope="row">
                  <Breakable text={path.join('.')} after="." />
                  <Endpoint name={`${method} ${endpoint}`} />
                  {assumed && <small>estimated: a list on this path has no page size</small>}
                </th>
                <td className="cost-number">{count(atLeast)}</td>
                <td className="cost-number">{count(atMost)}</td>
              </tr>
            ))}
          </tbody>
          <tfoot>
            <tr>
              <th scope="row">Total</th>
              <td className="cost-number">{count(least)}</td>
              <td className="cost-number">{count(most)}</td>
            </tr>
          </tfoot>
        </table>
      </section>
    </>
  );
};
