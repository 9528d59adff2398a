import { setMaxListeners } from 'node:events';

/** An abort listener as an object, so that a waiting entry can be its own listener, without a closure. */
export interface AbortListener {
  handleEvent(): void;
}

/** Creates a controller whose signal takes any number of listeners: all calls of an operation listen to one signal. */
export function createAbortController(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}
