/** What the gateway tells its page. */
export interface Settings {
  /** Headers that a caller has to fill in, as JSON; empty when there are none. */
  readonly headers: string;
  /** Example operations. */
  readonly examples: readonly string[];
  /** REST calls that one operation may make. */
  readonly maxCalls: number;
  /** REST calls that an operation may need in the worst case, or it is refused. */
  readonly maxEstimatedCalls: number;
}

export const settings: Settings = JSON.parse(document.getElementById('graphiql-options')?.textContent ?? '');
