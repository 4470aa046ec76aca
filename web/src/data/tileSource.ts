/** Pictures that the server cuts into tiles. */

import { API } from '../api/client';
import { levelCount, type TileSource } from '../canvas/tiles';
import type { Size } from '../core/geometry';

const TILE_PX = 512;

/** `path` of what has the tiles, behind the address of the API. */
export const tilesOf = (path: string, size: Size): TileSource => ({
  width: size.width,
  height: size.height,
  tileSize: TILE_PX,
  levels: levelCount(size, TILE_PX),
  url: (level, x, y) => `${API}${path}/tiles/${level}/${x}/${y}`,
});
