import { Environment, Network, RecordSource, Store } from 'relay-runtime';
import { createFetchParts } from './fetch-parts.ts';

/** Relay's store, and a network that hands it an answer part by part. */
export const environment = new Environment({
  network: Network.create(createFetchParts('/graphql')),
  store: new Store(new RecordSource()),
});
