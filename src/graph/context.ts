import type { Operation } from '../lib/operation.ts';
import type { Session } from '../datatrics/session.ts';

/** What every resolver gets: the door to the data, in one principal's name and for one operation. */
export interface GatewayContext {
  readonly session: Session;
  readonly operation: Operation;
}
