import type { IncomingHttpHeaders } from 'node:http';

/** Headers of Apollo's clients and of Hive's, for name and version. */
const HEADERS = [
  ['apollographql-client-name', 'apollographql-client-version'],
  ['graphql-client-name', 'graphql-client-version'],
] as const;

/** What a log line and a metric may show: no address, and nothing long. */
const PLAIN = /^[\w ./:+-]{1,64}$/;

/** The program that sent a request, as it names itself. Undefined for a client without a name, or with one that is not plain. */
export function clientNameOf(headers: IncomingHttpHeaders) {
  for (const [nameHeader, versionHeader] of HEADERS) {
    const name = plain(headers[nameHeader]);
    if (name !== undefined) return { name, version: plain(headers[versionHeader]) };
  }
  return undefined;
}

function plain(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' && PLAIN.test(value) ? value : undefined;
}
