import { median } from './measure.ts';
import type { Cell, Results, SystemInfo } from './results.ts';

/** Renders the gateway's rates relative to other systems as text: one line per gateway and workload. */
export function ratioLines(results: Results): string[] {
  return gateways(results).flatMap((gateway) =>
    results.workloads.flatMap(({ name }) => {
      const ratios = others(results).flatMap((other) => {
        const ratio = ratioOf(results, name, gateway.name, other.name);
        return ratio === undefined ? [] : [`${other.name} ${ratio.toFixed(2)}`];
      });
      return ratios.length > 0 ? [`${gateway.name.padEnd(18)} ${name.padEnd(8)} ${ratios.join('  ')}`] : [];
    }),
  );
}

/** Whether to compare two systems: a peer that shares work is not comparable with a gateway that shares nothing. */
export function comparable(gateway: SystemInfo, peer: SystemInfo): boolean {
  return peer.shares === undefined || gateway.shares !== undefined;
}

/** Returns the variants of the gateway. */
export const gateways = ({ systems }: Results): SystemInfo[] => systems.filter((it) => it.kind === 'gateway');

/** Returns the other systems that have results. */
export const others = ({ systems, cells }: Results): SystemInfo[] =>
  systems.filter((it) => it.kind !== 'gateway' && cells.some(({ system }) => system === it.name));

/** Returns the results of a system on a workload. */
export function find({ cells }: Results, workload: string, system: string): Cell | undefined {
  return cells.find((it) => it.workload === workload && it.system === system);
}

/** Returns the median of the ratios within each round, since a slow phase of the machine slows a whole round. */
export function ratioOf(results: Results, workload: string, of: string, to: string): number | undefined {
  const cell = find(results, workload, of);
  const other = find(results, workload, to);
  if (!cell || !other) return undefined;
  return median(cell.rates.map((rate, i) => rate / (other.rates[i] ?? Number.NaN)));
}
