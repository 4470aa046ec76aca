/**
 * Masks and polygons, in edge coordinates.
 *
 * Outlines run along the edges of pixels, so that filling the polygons of a mask gives the mask
 * again. Order and bridges are those of `offspec.masks`.
 */

import {
  type Bounds,
  boundsOf,
  outline,
  type Point,
  type Points,
  pixelBounds,
  type Shape,
  simplify,
} from './geometry';

/** A window of pixels; `data` holds 1 inside and 0 outside, row by row. */
export type Mask = {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
};

export function emptyMask({ x, y, width, height }: Bounds): Mask {
  return { x, y, width, height, data: new Uint8Array(width * height) };
}

/** Fill a polygon (even-odd) with a value; a pixel belongs to it when its centre does. */
export function fillPolygon(mask: Mask, points: Points, value: 0 | 1 = 1): void {
  const crossings: number[][] = Array.from({ length: mask.height }, () => []);
  for (let i = 0; i < points.length; i++) {
    let a = points[i] as Point;
    let b = points[(i + 1) % points.length] as Point;
    if (a[1] > b[1]) [a, b] = [b, a];
    const first = Math.max(0, Math.ceil(a[1] - mask.y - 0.5));
    for (let row = first; row < mask.height && row + 0.5 + mask.y < b[1]; row++) {
      const y = row + 0.5 + mask.y;
      crossings[row]?.push(a[0] + (y - a[1]) * ((b[0] - a[0]) / (b[1] - a[1])));
    }
  }
  crossings.forEach((xs, row) => {
    xs.sort((u, v) => u - v);
    for (let i = 0; i + 1 < xs.length; i += 2) {
      const from = Math.max(0, Math.ceil((xs[i] as number) - mask.x - 0.5));
      const to = Math.min(mask.width, Math.ceil((xs[i + 1] as number) - mask.x - 0.5));
      if (to > from) mask.data.fill(value, row * mask.width + from, row * mask.width + to);
    }
  });
}

/** Fill a shape by the centres of pixels; an ellipse exactly. */
export function fillShape(mask: Mask, of: Shape, value: 0 | 1 = 1): void {
  if (of.shape !== 'ellipse') {
    fillPolygon(mask, outline(of), value);
    return;
  }
  const b = boundsOf(of.points);
  for (let row = 0; row < mask.height; row++) {
    const v = (mask.y + row + 0.5 - (b.y + b.height / 2)) / (b.height / 2);
    for (let col = 0; col < mask.width; col++) {
      const u = (mask.x + col + 0.5 - (b.x + b.width / 2)) / (b.width / 2);
      if (u * u + v * v <= 1) mask.data[row * mask.width + col] = value;
    }
  }
}

/** A mask just large enough for the polygons and one more box. */
export function maskAround(polygons: readonly Points[], also?: Bounds): Mask {
  const corners = polygons.flat();
  const all = also
    ? [...corners, [also.x, also.y] as const, [also.x + also.width, also.y + also.height] as const]
    : corners;
  const mask = emptyMask(pixelBounds(all));
  for (const points of polygons) fillPolygon(mask, points);
  return mask;
}

/** Draw a stroke of a round brush: every pixel whose centre is within the radius of its line. */
export function paintStroke(mask: Mask, stroke: Points, radius: number, value: 0 | 1): void {
  stroke.forEach((b, i) => {
    paintSegment(mask, stroke[Math.max(0, i - 1)] as Point, b, radius, value);
  });
}

function paintSegment(mask: Mask, a: Point, b: Point, radius: number, value: 0 | 1): void {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const length = dx * dx + dy * dy;
  const clip = (v: number, high: number) => Math.max(0, Math.min(high, v));
  const left = clip(Math.floor(Math.min(a[0], b[0]) - radius) - mask.x, mask.width);
  const right = clip(Math.ceil(Math.max(a[0], b[0]) + radius) - mask.x, mask.width);
  const top = clip(Math.floor(Math.min(a[1], b[1]) - radius) - mask.y, mask.height);
  const bottom = clip(Math.ceil(Math.max(a[1], b[1]) + radius) - mask.y, mask.height);
  for (let row = top; row < bottom; row++) {
    const py = row + mask.y + 0.5 - a[1];
    for (let col = left; col < right; col++) {
      const px = col + mask.x + 0.5 - a[0];
      const t = length === 0 ? 0 : Math.max(0, Math.min(1, (px * dx + py * dy) / length));
      const [ex, ey] = [px - t * dx, py - t * dy];
      if (ex * ex + ey * ey <= radius * radius) mask.data[row * mask.width + col] = value;
    }
  }
}

/**
 * One outline for each connected part (8 neighbours); a hole is cut in through a bridge of no
 * width, because LabelMe polygons know no holes.
 */
export function maskPolygons(mask: Mask, tolerance = 0): Points[] {
  const grid = pad(mask);
  const edges = pixelEdges(grid);
  if (edges.length === 0) return [];
  const following = linkEdges(edges, grid.width);
  const bridges = cutHoles(edges, following, grid.width);
  const corner = (i: number): number =>
    i < edges.length ? (edges[i] as number) >> 2 : (bridges[i - edges.length] as number);
  return cycles(following).map((ring) => {
    const points = ring.map((i): Point => {
      const at = corner(i);
      return [(at % grid.width) - 1 + mask.x, Math.floor(at / grid.width) - 1 + mask.y];
    });
    return simplify(withoutStraight(points), tolerance);
  });
}

type Grid = { width: number; height: number; data: Uint8Array };

function pad(mask: Mask): Grid {
  const [width, height] = [mask.width + 2, mask.height + 2];
  const data = new Uint8Array(width * height);
  for (let row = 0; row < mask.height; row++) {
    const line = mask.data.subarray(row * mask.width, (row + 1) * mask.width);
    data.set(line, (row + 1) * width + 1);
  }
  return { width, height, data };
}

/** Sorted numbers `4 * corner + direction`, inside on the right; right, down, left, up. */
function pixelEdges({ width, height, data }: Grid): number[] {
  const edges: number[] = [];
  for (let y = 1; y < height; y++) {
    for (let x = 1; x < width; x++) {
      const at = y * width + x;
      const [here, left] = [data[at], data[at - 1]];
      const [above, slant] = [data[at - width], data[at - width - 1]];
      if (here === left && here === above && here === slant) continue;
      if (here && !above) edges.push(4 * at);
      if (left && !here) edges.push(4 * at + 1);
      if (slant && !left) edges.push(4 * at + 2);
      if (above && !slant) edges.push(4 * at + 3);
    }
  }
  return edges;
}

function indexOf(sorted: readonly number[], wanted: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The edge after each: left wins over straight over right, which joins diagonal pixels. */
function linkEdges(edges: readonly number[], width: number): number[] {
  const steps = [1, width, -1, -width];
  return edges.map((code) => {
    const direction = code & 3;
    const end = (code >> 2) + (steps[direction] as number);
    for (const turn of [3, 0, 1]) {
      const wanted = 4 * end + ((direction + turn) & 3);
      const at = indexOf(edges, wanted);
      if (edges[at] === wanted) return at;
    }
    return -1;
  });
}

/** Changes `following` so that each hole hangs on what lies left of it; returns new corners. */
function cutHoles(edges: readonly number[], following: number[], width: number): number[] {
  const ups = edges.flatMap((code, i) => ((code & 3) === 3 ? [i] : []));
  const upPixels = ups.map((i) => ((edges[i] as number) >> 2) - width);
  const before = new Int32Array(following.length);
  following.forEach((next, i) => {
    before[next] = i;
  });
  const original = following.slice();
  const bridges: number[] = [];
  for (const begin of holeStarts(edges, original, width)) {
    const hole = (edges[begin] as number) >> 2;
    const at = indexOf(upPixels, hole) - 1;
    const into = ups[at] as number;
    const there = edges.length + bridges.length;
    bridges.push(upPixels[at] as number, hole);
    following[there] = begin;
    following[there + 1] = original[into] as number;
    following[before[begin] as number] = there + 1;
    following[into] = there;
  }
  return bridges;
}

/** For each hole the edge at its leftmost, then topmost pixel; holes in reading order of those. */
function holeStarts(edges: readonly number[], following: readonly number[], width: number) {
  const column = (i: number) => ((edges[i] as number) >> 2) % width;
  const holes: number[] = [];
  for (const ring of cycles(following)) {
    const downs = ring.filter((i) => ((edges[i] as number) & 3) === 1);
    const twice = ring.reduce((sum, i) => {
      const direction = (edges[i] as number) & 3;
      return sum + (direction === 1 ? column(i) : direction === 3 ? -column(i) : 0);
    }, 0);
    if (twice > 0) continue; // clockwise: an outer outline
    holes.push(
      downs.reduce((a, b) => (column(b) < column(a) || (column(b) === column(a) && b < a) ? b : a)),
    );
  }
  return holes;
}

function cycles(following: readonly number[]): number[][] {
  const seen = new Uint8Array(following.length);
  const found: number[][] = [];
  for (let first = 0; first < following.length; first++) {
    if (seen[first]) continue;
    const ring: number[] = [];
    for (let at = first; !seen[at]; at = following[at] as number) {
      seen[at] = 1;
      ring.push(at);
    }
    found.push(ring);
  }
  return found;
}

function withoutStraight(ring: Points): Points {
  return ring.filter((p, i) => {
    const a = ring[(i + ring.length - 1) % ring.length] as Point;
    const b = ring[(i + 1) % ring.length] as Point;
    const [ux, uy, vx, vy] = [p[0] - a[0], p[1] - a[1], b[0] - p[0], b[1] - p[1]];
    return !(ux * vy - uy * vx === 0 && ux * vx + uy * vy > 0);
  });
}
