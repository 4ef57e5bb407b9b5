/** A value at a time. */
export type Point = readonly [x: number, y: number];

/** More points than these are joined in blocks, each with its medians: the slope stays, its cost is bounded. */
const MOST_POINTS = 120;
const NORMAL_975 = 1.96;

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/**
 * The Theil-Sen slope (the median of the slopes between all pairs) and its 95 % interval (Sen 1968, normal
 * approximation without ties). A few outliers do not move it. Undefined with fewer than five points.
 */
export function theilSen(
  points: readonly Point[],
): { slope: number; interval: [number, number] } | undefined {
  const blocks = inBlocks(points);
  const n = blocks.length;
  if (n < 5) return undefined;
  const slopes = pairSlopes(blocks).sort((a, b) => a - b);
  const spread = NORMAL_975 * Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18);
  const low = Math.max(0, Math.floor((slopes.length - spread) / 2));
  const high = Math.min(slopes.length - 1, Math.ceil((slopes.length + spread) / 2));
  return { slope: median(slopes), interval: [slopes[low] ?? Number.NaN, slopes[high] ?? Number.NaN] };
}

function pairSlopes(points: readonly Point[]): number[] {
  const slopes: number[] = [];
  points.forEach(([x1, y1], i) => {
    for (const [x2, y2] of points.slice(i + 1)) if (x2 !== x1) slopes.push((y2 - y1) / (x2 - x1));
  });
  return slopes;
}

function inBlocks(points: readonly Point[]): Point[] {
  const size = Math.ceil(points.length / MOST_POINTS);
  if (size <= 1) return [...points];
  const blocks: Point[] = [];
  for (let i = 0; i < points.length; i += size) {
    const block = points.slice(i, i + size);
    blocks.push([median(block.map(([x]) => x)), median(block.map(([, y]) => y))]);
  }
  return blocks;
}
