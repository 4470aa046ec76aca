/** Which tiles of a large picture are looked at, however it lies on the screen. */

import type { Point, Size } from '../core/geometry';
import { applied, inverse, type Matrix } from './matrix';
import { levelFor, type TileSource } from './tiles';

/** Tiles for scales at which the coarse picture below them is not sharp any more. */
export type SharpSource = TileSource & { readonly fromScale: number };

/** Tiles of one level: columns from `left` to before `right`, rows likewise. */
export type TileBlock = {
  readonly level: number;
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
};

const MOST_TILES = 48;
const LEAST_GAIN = 1.05;

/** Null where the coarse picture has a pixel for each of the screen, or nothing is seen. */
export function tileBlock(
  source: SharpSource,
  matrix: Matrix,
  screen: Size,
  pixelRatio: number,
): TileBlock | null {
  const back = inverse(matrix);
  if (!back) return null;
  const seen = CORNERS.map(([x, y]) => applied(back, [x * screen.width, y * screen.height]));
  if (!seen.flat().every(Number.isFinite)) return null;
  const scale = scaleOf(seen, screen) * pixelRatio;
  if (scale <= LEAST_GAIN * source.fromScale) return null;
  for (let level = levelFor(scale, source.levels); level < source.levels; level++) {
    const block = blockOf(source, seen, level);
    if (!block) return null;
    if ((block.right - block.left) * (block.bottom - block.top) <= MOST_TILES) return block;
  }
  return null;
}

const CORNERS: readonly Point[] = [
  [0, 0],
  [1, 0],
  [1, 1],
  [0, 1],
];

/** Pixels of the screen for each of the picture, where it is drawn largest. */
function scaleOf(seen: readonly Point[], { width, height }: Size): number {
  const lengths = seen.map((point, i) => {
    const next = seen[(i + 1) % seen.length] as Point;
    return Math.hypot(next[0] - point[0], next[1] - point[1]);
  });
  return Math.max(...lengths.map((length, i) => (i % 2 === 0 ? width : height) / length));
}

function blockOf(source: TileSource, seen: readonly Point[], level: number): TileBlock | null {
  const side = source.tileSize * 2 ** level;
  const span = (values: readonly number[], length: number): [number, number] => [
    Math.max(0, Math.floor(Math.min(...values) / side)),
    Math.min(Math.ceil(length / side), Math.ceil(Math.max(...values) / side)),
  ];
  const [left, right] = span(
    seen.map(([x]) => x),
    source.width,
  );
  const [top, bottom] = span(
    seen.map(([, y]) => y),
    source.height,
  );
  return left < right && top < bottom ? { level, left, top, right, bottom } : null;
}
