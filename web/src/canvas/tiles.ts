/** Deep zoom: a pyramid of tiles. Level 0 is the original; each level halves the one before. */

import type { Bounds, Size } from '../core/geometry';
import { toImage, type View } from './view';

export type TileSource = Size & {
  readonly tileSize: number;
  readonly levels: number;
  readonly url: (level: number, x: number, y: number) => string;
};

/** What a viewer shows: one decoded picture, or a pyramid. */
export type ImageSource =
  | (Size & { readonly kind: 'plain'; readonly image: CanvasImageSource })
  | (TileSource & { readonly kind: 'tiles' });

export type Tile = {
  readonly level: number;
  readonly x: number;
  readonly y: number;
  /** What it covers, in original image pixels. */
  readonly box: Bounds;
};

/** The coarsest level that still has a pixel for each pixel of the screen. */
export function levelFor(scale: number, levels: number): number {
  const wanted = Math.floor(Math.log2(1 / scale) + 1e-9);
  return Math.max(0, Math.min(levels - 1, wanted));
}

/** How many levels a pyramid has when the last one is a single tile. */
export function levelCount({ width, height }: Size, tileSize: number): number {
  return 1 + Math.max(0, Math.ceil(Math.log2(Math.max(width, height) / tileSize)));
}

export function visibleTiles(
  source: Omit<TileSource, 'url'>,
  view: View,
  screen: Size,
  pixelRatio = 1,
): Tile[] {
  const level = levelFor(view.scale * pixelRatio, source.levels);
  const side = source.tileSize * 2 ** level;
  const [left, top] = toImage(view, [0, 0]);
  const [right, bottom] = toImage(view, [screen.width, screen.height]);
  const first = (v: number) => Math.max(0, Math.floor(v / side));
  const last = (v: number, length: number) =>
    Math.min(Math.ceil(length / side), Math.ceil(v / side));
  const tiles: Tile[] = [];
  for (let y = first(top); y < last(bottom, source.height); y++) {
    for (let x = first(left); x < last(right, source.width); x++) {
      const box = {
        x: x * side,
        y: y * side,
        width: Math.min(side, source.width - x * side),
        height: Math.min(side, source.height - y * side),
      };
      tiles.push({ level, x, y, box });
    }
  }
  return tiles;
}
