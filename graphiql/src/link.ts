/** An operation in a link. Without headers, which may hold a key. */
export interface Shared {
  readonly query: string;
  readonly variables: string | undefined;
}

/** Maximum length of a URL in characters: mail and chat programs support this length. */
const MAX_ADDRESS = 8_000;

/** Reads the operation from the URL's hash, `#query=…&variables=…`. Returns undefined without a query. */
export function readLink(): Shared | undefined {
  const hash = new URLSearchParams(location.hash.slice(1));
  const query = hash.get('query');
  return query ? { query, variables: hash.get('variables') ?? undefined } : undefined;
}

/** Writes the open operation to the URL's hash, unless the URL gets too long. */
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
