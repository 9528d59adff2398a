import { createHmac } from 'node:crypto';
import { composeServices } from '@apollo/composition';
import { parse } from 'graphql';

export interface Subgraph {
  readonly name: string;
  readonly url: string;
}

/** Client headers that the router forwards to subgraphs. Headers that name the caller must not be among them. */
export const FORWARDED = ['authorization', 'x-apikey', 'x-request-id'] as const;

/** Secrets that the gateway shares with its router: see docs/federation.md. */
export interface Secrets {
  /** Sent as `x-router-secret`. */
  readonly header: string | undefined;
  /** Key of Hive's signature. */
  readonly hmac: string | undefined;
}

/** Fetches the schema of each subgraph, and composes a supergraph. Throws with the reasons if they do not compose. */
export async function compose(subgraphs: readonly Subgraph[], secrets: Secrets): Promise<string> {
  const services = await Promise.all(
    subgraphs.map(async ({ name, url }) => {
      const query = '{ _service { sdl } }';
      const signature = secrets.hmac && createHmac('sha256', secrets.hmac).update(JSON.stringify({ query }));
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(secrets.header && { 'x-router-secret': secrets.header }) },
        body: JSON.stringify({
          query,
          ...(signature && { extensions: { 'hmac-signature': signature.digest('base64') } }),
        }),
      });
      const { data } = (await response.json()) as { data?: { _service: { sdl: string } } };
      if (!data) throw new Error(`${name} did not say its schema: ${response.status}`);
      return { name, url, typeDefs: parse(data._service.sdl) };
    }),
  );
  const { supergraphSdl, errors } = composeServices(services);
  if (errors) throw new Error(errors.map(({ message }) => message).join('\n'));
  return supergraphSdl;
}
