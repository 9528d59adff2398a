/** An operation as a link holds it: never its headers, which may hold a key. */
export interface Shared {
  readonly query: string;
  readonly variables: string | undefined;
}

/** Characters of an address that mail and chat programs let through. */
const MAX_ADDRESS = 8_000;

/** What the address's hash holds, `#query=…&variables=…`; undefined when it holds no query. */
export function readLink(): Shared | undefined {
  const hash = new URLSearchParams(location.hash.slice(1));
  const query = hash.get('query');
  return query ? { query, variables: hash.get('variables') ?? undefined } : undefined;
}

/** Keeps the open operation in the address, as long as it fits there. */
export function writeLink(query: string | null, variables: string | null): void {
  const address = new URL(location.href);
  address.hash = '';
  if (query) {
    const hash = new URLSearchParams({ query, ...(variables?.trim() && { variables }) });
    address.hash = hash.toString();
    if (address.href.length > MAX_ADDRESS) address.hash = '';
  }
  if (address.href !== location.href) history.replaceState(history.state, '', address);
}
