/** 3 x 3 matrices between pictures, and from there to the screen. */

import type { Point, Size } from '../core/geometry';
import type { View } from './view';

export type Matrix = readonly [Row, Row, Row];
type Row = readonly [number, number, number];

export const IDENTITY: Matrix = [
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 1],
];

export function times(a: Matrix, b: Matrix): Matrix {
  const cell = (row: Row, j: 0 | 1 | 2) => row[0] * b[0][j] + row[1] * b[1][j] + row[2] * b[2][j];
  const line = (row: Row): Row => [cell(row, 0), cell(row, 1), cell(row, 2)];
  return [line(a[0]), line(a[1]), line(a[2])];
}

/** Null where there is none. */
export function inverse(matrix: Matrix): Matrix | null {
  const [[a, b, c], [d, e, f], [g, h, i]] = matrix;
  const det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  if (!Number.isFinite(det) || Math.abs(det) < 1e-12) return null;
  const by = (x: number) => x / det;
  return [
    [by(e * i - f * h), by(c * h - b * i), by(b * f - c * e)],
    [by(f * g - d * i), by(a * i - c * g), by(c * d - a * f)],
    [by(d * h - e * g), by(b * g - a * h), by(a * e - b * d)],
  ];
}

export function applied(matrix: Matrix, [x, y]: Point): Point {
  const [u, v, w] = matrix.map((row) => row[0] * x + row[1] * y + row[2]) as [
    number,
    number,
    number,
  ];
  return [u / w, v / w];
}

const moved = (by: number): Matrix => [
  [1, 0, by],
  [0, 1, by],
  [0, 0, 1],
];

/** Alignment counts from the centre of the first pixel, pictures on a screen from its corner. */
export const fromCorners = (matrix: Matrix): Matrix =>
  times(times(moved(0.5), matrix), moved(-0.5));

/** What is read from JSON, where it is such a matrix. */
export function matrixOf(value: unknown): Matrix | null {
  const isRow = (row: unknown) =>
    Array.isArray(row) && row.length === 3 && row.every((x) => Number.isFinite(x));
  return Array.isArray(value) && value.length === 3 && value.every(isRow)
    ? (value as unknown as Matrix)
    : null;
}

export const scaling = (from: Size, to: Size): Matrix => [
  [to.width / from.width, 0, 0],
  [0, to.height / from.height, 0],
  [0, 0, 1],
];

export const viewMatrix = ({ scale, x, y }: View): Matrix => [
  [scale, 0, x],
  [0, scale, y],
  [0, 0, 1],
];

/** For the CSS property `transform`, with the origin at the top left. */
export function cssTransform([[a, b, c], [d, e, f], [g, h, i]]: Matrix): string {
  const list = [a, d, 0, g, b, e, 0, h, 0, 0, 1, 0, c, f, 0, i];
  return `matrix3d(${list.map((x) => Number(x.toPrecision(12))).join(',')})`;
}
