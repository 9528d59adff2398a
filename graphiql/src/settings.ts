/** Settings that the gateway embeds in the page. */
export interface Settings {
  /** JSON of the headers that the user must fill in; empty without any. */
  readonly headers: string;
  /** Example operations. Those with `isTab` are the tabs of a first visit. */
  readonly examples: readonly { readonly query: string; readonly isTab: boolean }[];
  /** Maximum REST calls of one operation. */
  readonly maxCalls: number;
  /** Maximum estimated REST calls of one operation; the gateway rejects an operation above it. */
  readonly maxEstimatedCalls: number;
}

export const settings: Settings = JSON.parse(document.getElementById('graphiql-options')?.textContent ?? '');
