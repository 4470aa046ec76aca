/** Draws the picture, whole or by tiles, onto a canvas. */

import type { Size } from '../core/geometry';
import { type ImageSource, type Tile, type TileSource, visibleTiles } from './tiles';
import type { View } from './view';

const MOST_TILES = 400;

/** Tiles that came, newest last; the oldest go first. */
const loaded = new Map<string, HTMLImageElement>();

/** Returns what stops drawing tiles that come later. */
export function drawImage(
  canvas: HTMLCanvasElement,
  source: ImageSource,
  view: View,
  screen: Size,
): () => void {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(screen.width * ratio);
  canvas.height = Math.round(screen.height * ratio);
  const brush = canvas.getContext('2d');
  if (!brush) return () => {};
  brush.setTransform(ratio * view.scale, 0, 0, ratio * view.scale, view.x * ratio, view.y * ratio);
  brush.imageSmoothingEnabled = view.scale * ratio < 2; // pixels are seen as squares
  brush.imageSmoothingQuality = 'high';
  if (source.kind === 'plain') {
    brush.drawImage(source.image, 0, 0, source.width, source.height);
    return () => {};
  }
  return drawTiles(brush, source, view, screen, ratio);
}

function drawTiles(
  brush: CanvasRenderingContext2D,
  source: TileSource,
  view: View,
  screen: Size,
  ratio: number,
): () => void {
  let isStopped = false;
  const coarse = { ...source, tileSize: source.tileSize * 2 ** (source.levels - 1), levels: 1 };
  const ground = visibleTiles(coarse, view, screen, ratio).map((t) => ({
    ...t,
    level: source.levels - 1,
  }));
  const tiles = [...ground, ...visibleTiles(source, view, screen, ratio)];
  const drawAll = () => {
    if (isStopped) return;
    for (const tile of tiles) drawTile(brush, source, tile, drawAll);
  };
  drawAll();
  return () => {
    isStopped = true;
  };
}

function drawTile(
  brush: CanvasRenderingContext2D,
  source: TileSource,
  tile: Tile,
  onLoad: () => void,
): void {
  const picture = loadedTile(source.url(tile.level, tile.x, tile.y));
  if (!picture.complete) picture.addEventListener('load', onLoad, { once: true });
  else if (picture.naturalWidth > 0) {
    const { x, y, width, height } = tile.box;
    brush.drawImage(picture, x, y, width, height);
  }
}

/** A tile, at once where it is there already. */
export function tilePicture(url: string, draw: (picture: HTMLImageElement) => void): void {
  const picture = loadedTile(url);
  if (!picture.complete) picture.addEventListener('load', () => draw(picture), { once: true });
  else if (picture.naturalWidth > 0) draw(picture);
}

function loadedTile(url: string): HTMLImageElement {
  const known = loaded.get(url);
  if (known) return known;
  const picture = new Image();
  picture.src = url;
  picture.addEventListener('error', () => loaded.delete(url), { once: true }); // asked for again
  loaded.set(url, picture);
  if (loaded.size > MOST_TILES) loaded.delete(loaded.keys().next().value ?? '');
  return picture;
}
