import { Component, type ReactNode } from 'react';

interface State {
  readonly failed: boolean;
}

/** Shows a sentence in place of a component that threw: Relay throws when a query fails as a whole. */
export class Failure extends Component<{ readonly children: ReactNode }, State> {
  override state: State = { failed: false };

  static getDerivedStateFromError(): State {
    return { failed: true };
  }

  override render(): ReactNode {
    if (!this.state.failed) return this.props.children;
    return (
      <p role="alert">
        The orders cannot be read just now.{' '}
        <button type="button" onClick={() => location.reload()}>
          Try again
        </button>
      </p>
    );
  }
}
