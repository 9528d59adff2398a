import type { GrowthRow } from './results.ts';
import { escapeXml } from './svg.ts';

const COLUMNS = 2;
const PANEL = { width: 420, height: 190 };
const PLOT = { left: 20, right: 400, top: 48, bottom: 150 };
const COLOUR = '#2563c9';

/** Draws how the rate depends on each dimension, as SVG. The points of a curve are equally far apart; each panel has its own scale. */
export function drawGrowth(rows: readonly GrowthRow[]): string {
  const dimensions = [...new Set(rows.map(({ dimension }) => dimension))];
  const panels = dimensions.map((dimension, i) => {
    const curve = drawCurve(rows.filter((row) => row.dimension === dimension));
    const x = (i % COLUMNS) * PANEL.width;
    const y = Math.floor(i / COLUMNS) * PANEL.height;
    const title = `${dimension[0]?.toUpperCase()}${dimension.slice(1)}`;
    return `<g transform="translate(${x} ${y})">
<text x="${PLOT.left}" y="22" font-weight="bold">${escapeXml(title)}</text>
<line x1="${PLOT.left}" y1="${PLOT.bottom}" x2="${PLOT.right}" y2="${PLOT.bottom}" stroke="#8a8f98"/>
${curve}
</g>`;
  });
  const width = COLUMNS * PANEL.width;
  const height = Math.ceil(dimensions.length / COLUMNS) * PANEL.height;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="12" fill="#1c1f24" role="img" aria-label="Operations per second by size of lists, links, levels, documents, plugins, connections and processes">
<rect width="100%" height="100%" fill="#ffffff"/>
${panels.join('\n')}
</svg>
`;
}

function drawCurve(rows: readonly GrowthRow[]): string {
  const highest = Math.max(...rows.map(({ rate }) => rate));
  const step = (PLOT.right - PLOT.left - 60) / Math.max(1, rows.length - 1);
  const points = rows.map(({ rate, value }, i) => ({
    x: Math.round(PLOT.left + 30 + i * step),
    y: Math.round(PLOT.bottom - ((PLOT.bottom - PLOT.top) * rate) / highest),
    rate: Math.round(rate).toLocaleString('en'),
    // The table has the explanation of a value after its number.
    value: value.split(',')[0] as string,
  }));
  return [
    `<polyline points="${points.map(({ x, y }) => `${x},${y}`).join(' ')}" fill="none" stroke="${COLOUR}" stroke-width="2"/>`,
    ...points.flatMap(({ x, y, rate, value }) => [
      `<circle cx="${x}" cy="${y}" r="3" fill="${COLOUR}"/>`,
      `<text x="${x}" y="${y - 8}" text-anchor="middle">${rate}/s</text>`,
      `<text x="${x}" y="${PLOT.bottom + 16}" text-anchor="middle">${escapeXml(value)}</text>`,
    ]),
  ].join('\n');
}
