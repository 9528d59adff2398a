import { setMaxListeners } from 'node:events';

/** An abort listener that is an object: what waits can be its own listener, without a closure. */
export interface AbortListener {
  handleEvent(): void;
}

/** A controller whose signal may have any number of listeners: all calls of an operation wait for one. */
export function createAbortController(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}
