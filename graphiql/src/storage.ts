/** Keys under which GraphiQL stores operations with their headers. */
const WITH_HEADERS = ['graphiql:queries', 'graphiql:favorites', 'graphiql:tabState'];

/**
 * The browser's storage without headers, which may hold a key. GraphiQL itself omits them from stored tabs, but not from its
 * history.
 */
export const storage: Pick<Storage, 'length' | 'getItem' | 'setItem' | 'removeItem' | 'clear'> = {
  get length() {
    return localStorage.length;
  },
  getItem: (key) => localStorage.getItem(key),
  setItem(key, value) {
    if (key === 'graphiql:headers') return;
    localStorage.setItem(key, WITH_HEADERS.includes(key) ? withoutHeaders(value) : value);
  },
  removeItem: (key) => localStorage.removeItem(key),
  clear: () => localStorage.clear(),
};

function withoutHeaders(json: string): string {
  return JSON.stringify(JSON.parse(json), (key, value) => (key === 'headers' ? null : value));
}
