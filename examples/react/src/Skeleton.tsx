/** Grey bars in the place of rows that are loading. */
export function Skeleton({ rows }: { rows: number }) {
  return (
    <div role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: The rows are all the same.
        <div key={index} className="skeleton row" />
      ))}
    </div>
  );
}
