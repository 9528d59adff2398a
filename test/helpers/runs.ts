/** How many inputs a property is tried with: `usual`, or as many times more as `RUNS` says. `npm run fuzz` sets it. */
export function runs(usual: number): number {
  return Math.ceil(usual * Number(process.env.RUNS ?? 1));
}
