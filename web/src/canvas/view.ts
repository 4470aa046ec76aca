/** Where the image lies on the screen: `screen = image * scale + (x, y)`. */

import type { Bounds, Point, Size } from '../core/geometry';

export type View = { readonly scale: number; readonly x: number; readonly y: number };

export const MOST_SCALE = 64;
const FIT_MARGIN_PX = 24;
const VISIBLE_PX = 48;

export function toImage(view: View, [x, y]: Point): Point {
  return [(x - view.x) / view.scale, (y - view.y) / view.scale];
}

export function toScreen(view: View, [x, y]: Point): Point {
  return [x * view.scale + view.x, y * view.scale + view.y];
}

/** The scale at which the whole image is seen; small images are not blown up beyond 8 times. */
export function fitScale(image: Size, screen: Size): number {
  const across = (screen.width - 2 * FIT_MARGIN_PX) / image.width;
  const down = (screen.height - 2 * FIT_MARGIN_PX) / image.height;
  return Math.max(1e-4, Math.min(across, down, 8));
}

export function fitView(image: Size, screen: Size): View {
  return centred({ x: 0, y: 0, ...image }, screen, fitScale(image, screen));
}

export function isSameView(a: View, b: View): boolean {
  return a.scale === b.scale && a.x === b.x && a.y === b.y;
}

/** Show a box in the middle of the screen. */
export function centred(box: Bounds, screen: Size, scale: number): View {
  return {
    scale,
    x: screen.width / 2 - (box.x + box.width / 2) * scale,
    y: screen.height / 2 - (box.y + box.height / 2) * scale,
  };
}

export function zoomAt(view: View, at: Point, factor: number, image: Size, screen: Size): View {
  const least = Math.min(1, fitScale(image, screen)) / 2;
  const scale = Math.max(least, Math.min(MOST_SCALE, view.scale * factor));
  const [x, y] = toImage(view, at);
  return keepVisible({ scale, x: at[0] - x * scale, y: at[1] - y * scale }, image, screen);
}

export function panBy(view: View, dx: number, dy: number, image: Size, screen: Size): View {
  return keepVisible({ ...view, x: view.x + dx, y: view.y + dy }, image, screen);
}

/** Some of the image stays on the screen. */
export function keepVisible(view: View, image: Size, screen: Size): View {
  const within = (v: number, length: number, room: number) =>
    Math.max(VISIBLE_PX - length * view.scale, Math.min(room - VISIBLE_PX, v));
  return {
    scale: view.scale,
    x: within(view.x, image.width, screen.width),
    y: within(view.y, image.height, screen.height),
  };
}

/** Two fingers: the points under them stay under them. */
export function pinch(
  view: View,
  before: readonly [Point, Point],
  after: readonly [Point, Point],
  image: Size,
  screen: Size,
): View {
  const spread = ([a, b]: readonly [Point, Point]) => Math.hypot(a[0] - b[0], a[1] - b[1]) || 1;
  const middle = ([a, b]: readonly [Point, Point]): Point => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];
  const [from, to] = [middle(before), middle(after)];
  const moved = panBy(view, to[0] - from[0], to[1] - from[1], image, screen);
  return zoomAt(moved, to, spread(after) / spread(before), image, screen);
}
