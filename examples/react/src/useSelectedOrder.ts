import { useSyncExternalStore } from 'react';

const PREFIX = '#/orders/';

/** The link to an order. The selection is in the address: links can be shared, and “Back” works. */
export function orderLink(id: string): string {
  return PREFIX + encodeURIComponent(id);
}

function subscribe(onChange: () => void): () => void {
  window.addEventListener('hashchange', onChange);
  return () => window.removeEventListener('hashchange', onChange);
}

/** The global id of the order in the page's address, or null. */
export function useSelectedOrder(): string | null {
  const hash = useSyncExternalStore(subscribe, () => location.hash);
  return hash.startsWith(PREFIX) ? decodeURIComponent(hash.slice(PREFIX.length)) : null;
}
