import { median } from './measure.ts';
import type { Results, SystemInfo } from './results.ts';
import { escapeXml } from './svg.ts';

const WIDTH = 860;
const LABEL = 250;
const NUMBER = 90;
const BAR = 16;
const GAP = 4;
const HEAD = 38;
const COLOURS: Readonly<Record<SystemInfo['kind'], string>> = { bare: '#8a8f98', gateway: '#2563c9', peer: '#d98324' };

/** Draws operations per second as horizontal bars, as SVG. Each workload has a panel with its own scale. */
export function drawChart({ workloads, cells, systems }: Results): string {
  const parts: string[] = [];
  let y = 10;
  for (const workload of workloads) {
    const bars = systems.flatMap((system) => {
      const cell = cells.find((it) => it.workload === workload.name && it.system === system.name);
      return cell ? [{ system, rate: median(cell.rates) }] : [];
    });
    if (bars.length === 0) continue;
    const highest = Math.max(...bars.map(({ rate }) => rate));
    parts.push(
      `<text x="12" y="${y + 22}" font-size="14" font-weight="bold">${escapeXml(`${workload.name}: ${workload.title}`)}</text>`,
    );
    y += HEAD;
    for (const { system, rate } of bars) {
      const width = Math.max(1, ((WIDTH - LABEL - NUMBER) * rate) / highest);
      const middle = y + BAR - 4;
      parts.push(
        `<text x="${LABEL - 8}" y="${middle}" text-anchor="end">${escapeXml(system.title)}</text>`,
        `<rect x="${LABEL}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" fill="${COLOURS[system.kind]}"/>`,
        `<text x="${(LABEL + width + 6).toFixed(1)}" y="${middle}">${Math.round(rate).toLocaleString('en')}/s</text>`,
      );
      y += BAR + GAP;
    }
    y += 10;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" font-family="sans-serif" font-size="12" fill="#1c1f24" role="img" aria-label="Operations per second of each system on each workload">
<rect width="100%" height="100%" fill="#ffffff"/>
${parts.join('\n')}
</svg>
`;
}
