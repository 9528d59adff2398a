import type { CreateConnector } from './pool.ts';

/** What can speak HTTP to the upstream. */
export const CONNECTORS = ['built-in', 'undici'] as const;

/** undici is loaded only where it is wanted: it takes memory and time of the start. */
export async function loadConnector(name: (typeof CONNECTORS)[number]): Promise<CreateConnector> {
  return name === 'undici' ? (await import('./undici.ts')).createUndici : (await import('./http1.ts')).createHttp1;
}
