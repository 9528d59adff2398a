/** Highest `first` or `last` of a connection. The REST calls behind it have a limit of their own: DATATRICS_PAGE_LIMIT. */
export const MAX_PAGE = 500;
/** Records of a page without `first` and `last`. */
export const DEFAULT_PAGE = 20;
