/**
 * Rectangles, ellipses and polygons in edge coordinates of the original image.
 *
 * (0, 0) is the outer corner of the top-left pixel. A pixel belongs to a shape when its centre
 * does. The rules are those of `offspec.shapes`.
 */

export type Point = readonly [x: number, y: number];
export type Points = readonly Point[];
export type ShapeKind = 'rectangle' | 'polygon' | 'ellipse';
export type Size = { readonly width: number; readonly height: number };

export type Bounds = {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
};

export type Shape = { readonly shape: ShapeKind; readonly points: Points };

export const SHAPE_KINDS: readonly ShapeKind[] = ['rectangle', 'polygon', 'ellipse'];

/** Outline error under 0.06 % of the half axis. */
const ELLIPSE_POINTS = 96;

export function boundsOf(points: Points): Bounds {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of points) {
    left = Math.min(left, x);
    top = Math.min(top, y);
    right = Math.max(right, x);
    bottom = Math.max(bottom, y);
  }
  return { x: left, y: top, width: right - left, height: bottom - top };
}

export function unionBounds(all: readonly Bounds[]): Bounds {
  return boundsOf(
    all.flatMap((b): Point[] => [
      [b.x, b.y],
      [b.x + b.width, b.y + b.height],
    ]),
  );
}

/** Smallest box of whole pixels around the points. */
export function pixelBounds(points: Points): Bounds {
  const b = boundsOf(points);
  const x = Math.floor(b.x);
  const y = Math.floor(b.y);
  return { x, y, width: Math.ceil(b.x + b.width) - x, height: Math.ceil(b.y + b.height) - y };
}

export function boxesOverlap(a: Bounds, b: Bounds): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

/** Two opposite corners of a box. */
export function boxPoints(b: Bounds): Points {
  return [
    [b.x, b.y],
    [b.x + b.width, b.y + b.height],
  ];
}

/** The closed outline as a polygon, last point not repeated. */
export function outline({ shape, points }: Shape): Points {
  if (shape === 'polygon') return points;
  const { x, y, width, height } = boundsOf(points);
  if (shape === 'rectangle') {
    return [
      [x, y],
      [x + width, y],
      [x + width, y + height],
      [x, y + height],
    ];
  }
  return Array.from({ length: ELLIPSE_POINTS }, (_, i): Point => {
    const angle = i * ((2 * Math.PI) / ELLIPSE_POINTS);
    return [
      x + width / 2 + (Math.cos(angle) * width) / 2,
      y + height / 2 + (Math.sin(angle) * height) / 2,
    ];
  });
}

export function areaOf({ shape, points }: Shape): number {
  const { width, height } = boundsOf(points);
  if (shape === 'rectangle') return width * height;
  if (shape === 'ellipse') return (Math.PI / 4) * width * height;
  return Math.abs(signedArea(points));
}

/** Positive when the points run clockwise as seen. */
export function signedArea(points: Points): number {
  let twice = 0;
  for (let i = 0; i < points.length; i++) {
    const [ax, ay] = points[i] as Point;
    const [bx, by] = points[(i + 1) % points.length] as Point;
    twice += ax * by - bx * ay;
  }
  return twice / 2;
}

/** Whether a point lies inside; left and top edges are inside, right and bottom ones are not. */
export function containsPoint(of: Shape, [px, py]: Point): boolean {
  const { x, y, width, height } = boundsOf(of.points);
  if (of.shape === 'ellipse') {
    const u = (px - (x + width / 2)) / (width / 2);
    const v = (py - (y + height / 2)) / (height / 2);
    return u * u + v * v <= 1;
  }
  if (px < x || px >= x + width || py < y || py >= y + height) return false;
  if (of.shape === 'rectangle') return true;
  let inside = false;
  const p = of.points;
  for (let i = 0, j = p.length - 1; i < p.length; j = i++) {
    const [ax, ay] = p[i] as Point;
    const [bx, by] = p[j] as Point;
    if (ay > py !== by > py && px < ((bx - ax) * (py - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

export function distanceToSegment([px, py]: Point, [ax, ay]: Point, [bx, by]: Point): number {
  const dx = bx - ax;
  const dy = by - ay;
  const length = dx * dx + dy * dy;
  const along = length === 0 ? 0 : ((px - ax) * dx + (py - ay) * dy) / length;
  const t = Math.max(0, Math.min(1, along));
  return Math.hypot(px - (ax + t * dx), py - (ay + t * dy));
}

/** Distance to the outline, and the edge that is nearest. */
export function nearestEdge(points: Points, at: Point): { edge: number; distance: number } {
  let best = { edge: 0, distance: Infinity };
  for (let i = 0; i < points.length; i++) {
    const a = points[i] as Point;
    const b = points[(i + 1) % points.length] as Point;
    const distance = distanceToSegment(at, a, b);
    if (distance < best.distance) best = { edge: i, distance };
  }
  return best;
}

/** Inside, or within the tolerance of the outline. */
export function hits(of: Shape, at: Point, tolerance: number): boolean {
  return containsPoint(of, at) || nearestEdge(outline(of), at).distance <= tolerance;
}

function side([ax, ay]: Point, [bx, by]: Point, [cx, cy]: Point): number {
  return Math.sign((bx - ax) * (cy - ay) - (by - ay) * (cx - ax));
}

function segmentsMeet(a: Point, b: Point, c: Point, d: Point): boolean {
  for (const i of [0, 1] as const) {
    if (Math.min(a[i], b[i]) > Math.max(c[i], d[i])) return false;
    if (Math.min(c[i], d[i]) > Math.max(a[i], b[i])) return false;
  }
  return side(a, b, c) * side(a, b, d) <= 0 && side(c, d, a) * side(c, d, b) <= 0;
}

/** Whether two edges that share a point double back over each other. */
function foldsBack(before: Point, shared: Point, after: Point): boolean {
  const u = [before[0] - shared[0], before[1] - shared[1]] as const;
  const v = [after[0] - shared[0], after[1] - shared[1]] as const;
  return u[0] * v[1] - u[1] * v[0] === 0 && u[0] * v[0] + u[1] * v[1] >= 0;
}

/** The first two edges of a polygon that cross or touch; edge i starts at point i. */
export function crossingEdges(points: Points): readonly [number, number] | null {
  const n = points.length;
  const at = (i: number) => points[i % n] as Point;
  for (let i = 0; i < n; i++) {
    for (let j = i + 1; j < n; j++) {
      let meet: boolean;
      if (j === i + 1) meet = foldsBack(at(i), at(j), at(j + 1));
      else if (i === 0 && j === n - 1) meet = foldsBack(at(1), at(0), at(j));
      else meet = segmentsMeet(at(i), at(i + 1), at(j), at(j + 1));
      if (meet) return [i, j];
    }
  }
  return null;
}

/** Fewer points, none of the removed ones further than the tolerance from the new outline. */
export function simplify(points: Points, tolerance: number): Points {
  if (points.length <= 4 || tolerance <= 0) return points;
  let far = 0;
  let furthest = -1;
  const [x0, y0] = points[0] as Point;
  points.forEach(([x, y], i) => {
    const distance = Math.hypot(x - x0, y - y0);
    if (distance > furthest) [far, furthest] = [i, distance];
  });
  const keep = new Uint8Array(points.length + 1);
  const closed = [...points, points[0] as Point];
  keep[0] = keep[far] = keep[points.length] = 1;
  const stack: [number, number][] = [
    [0, far],
    [far, points.length],
  ];
  for (let range = stack.pop(); range; range = stack.pop()) {
    const [from, to] = range;
    let [worst, worstAt] = [tolerance, -1];
    for (let i = from + 1; i < to; i++) {
      const d = distanceToSegment(closed[i] as Point, closed[from] as Point, closed[to] as Point);
      if (d > worst) [worst, worstAt] = [d, i];
    }
    if (worstAt < 0) continue;
    keep[worstAt] = 1;
    stack.push([from, worstAt], [worstAt, to]);
  }
  const thin = points.filter((_, i) => keep[i]);
  return thin.length < 3 ? points : thin;
}

export function movePoints(points: Points, dx: number, dy: number): Points {
  return points.map(([x, y]): Point => [x + dx, y + dy]);
}

/** The shift nearest to the wanted one that keeps a box inside the image. */
export function shiftInside(b: Bounds, dx: number, dy: number, size: Size): Point {
  const within = (low: number, high: number, d: number) =>
    high < low ? 0 : Math.max(low, Math.min(high, d));
  return [
    within(-b.x, size.width - b.x - b.width, dx),
    within(-b.y, size.height - b.y - b.height, dy),
  ];
}

/** Stretch the points from one box to another. */
export function fitPoints(points: Points, from: Bounds, to: Bounds): Points {
  const sx = from.width === 0 ? 1 : to.width / from.width;
  const sy = from.height === 0 ? 1 : to.height / from.height;
  return points.map(([x, y]): Point => [to.x + (x - from.x) * sx, to.y + (y - from.y) * sy]);
}

export type Handle = 'nw' | 'n' | 'ne' | 'e' | 'se' | 's' | 'sw' | 'w';

export const HANDLES: readonly Handle[] = ['nw', 'n', 'ne', 'e', 'se', 's', 'sw', 'w'];

export function handlePoint(b: Bounds, handle: Handle): Point {
  const across = handle.includes('w') ? 0 : handle.includes('e') ? 1 : 0.5;
  const down = handle.includes('n') ? 0 : handle.includes('s') ? 1 : 0.5;
  return [b.x + across * b.width, b.y + down * b.height];
}

/** The box after one handle went to a point; it keeps at least one pixel. */
export function dragHandle(b: Bounds, handle: Handle, [x, y]: Point, least = 1): Bounds {
  let [left, top, right, bottom] = [b.x, b.y, b.x + b.width, b.y + b.height];
  if (handle.includes('w')) left = Math.min(x, right - least);
  if (handle.includes('e')) right = Math.max(x, left + least);
  if (handle.includes('n')) top = Math.min(y, bottom - least);
  if (handle.includes('s')) bottom = Math.max(y, top + least);
  return { x: left, y: top, width: right - left, height: bottom - top };
}

export function clampPoint([x, y]: Point, size: Size): Point {
  return [Math.max(0, Math.min(size.width, x)), Math.max(0, Math.min(size.height, y))];
}
