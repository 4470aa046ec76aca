import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  areaOf,
  boundsOf,
  boxPoints,
  containsPoint,
  crossingEdges,
  dragHandle,
  fitPoints,
  hits,
  outline,
  type Point,
  type Shape,
  shiftInside,
  simplify,
} from './geometry';
import { emptyMask, fillPolygon, maskAround, maskPolygons, paintStroke } from './mask';
import { chosenResolution, sizeAdvice, splitRectangle } from './resolution';
import type { Resolution, TemplateRegion } from './template';

const square: Shape = {
  shape: 'rectangle',
  points: [
    [2, 2],
    [6, 5],
  ],
};
const figures = JSON.parse(
  readFileSync(new URL('./fixtures/figures.json', import.meta.url), 'utf8'),
) as {
  masks: { rows: string[]; polygons: Point[][] }[];
  plans: {
    width: number;
    height: number;
    resolution: Resolution;
    smallest: number;
    chosen: string;
    defect_px: number;
    proposal: number[][] | null;
    split: { id: string; name: string; points: Point[]; exclusions: number }[];
  }[];
};

describe('shapes', () => {
  it('has left and top edges inside, right and bottom ones outside', () => {
    expect(containsPoint(square, [2, 2])).toBe(true);
    expect(containsPoint(square, [6, 4])).toBe(false);
    const polygon: Shape = { shape: 'polygon', points: outline(square) };
    expect(containsPoint(polygon, [4, 3])).toBe(true);
    expect(containsPoint(polygon, [4, 5])).toBe(false);
    expect(containsPoint({ ...square, shape: 'ellipse' }, [2.1, 2.1])).toBe(false);
  });

  it('hits the outline within the tolerance', () => {
    expect(hits(square, [7, 3], 1.01)).toBe(true);
    expect(hits(square, [7, 3], 0.9)).toBe(false);
  });

  it('measures areas', () => {
    expect(areaOf(square)).toBe(12);
    expect(areaOf({ shape: 'polygon', points: outline(square) })).toBe(12);
    expect(areaOf({ ...square, shape: 'ellipse' })).toBeCloseTo(Math.PI * 3);
  });

  it('finds edges that cross, touch or fold back', () => {
    expect(crossingEdges(outline(square))).toBeNull();
    expect(
      crossingEdges([
        [0, 0],
        [10, 10],
        [10, 0],
        [0, 10],
      ]),
    ).toEqual([0, 2]);
    expect(
      crossingEdges([
        [0, 0],
        [10, 0],
        [5, 0],
      ]),
    ).not.toBeNull();
    expect(
      crossingEdges([
        [0, 0],
        [4, 0],
        [2, 3],
      ]),
    ).toBeNull();
  });

  it('drags handles and keeps one pixel', () => {
    const b = boundsOf(square.points);
    expect(dragHandle(b, 'se', [10, 9])).toEqual({ x: 2, y: 2, width: 8, height: 7 });
    expect(dragHandle(b, 'w', [99, 0])).toEqual({ x: 5, y: 2, width: 1, height: 3 });
    expect(
      fitPoints(
        [
          [2, 2],
          [6, 5],
        ],
        b,
        { x: 0, y: 0, width: 8, height: 6 },
      ),
    ).toEqual([
      [0, 0],
      [8, 6],
    ]);
  });

  it('stops at the border of the image', () => {
    const b = boundsOf(square.points);
    expect(shiftInside(b, -9, 9, { width: 10, height: 10 })).toEqual([-2, 5]);
  });

  it('simplifies within the tolerance', () => {
    const circle = outline({
      shape: 'ellipse',
      points: [
        [0, 0],
        [100, 100],
      ],
    });
    const thin = simplify(circle, 1);
    expect(thin.length).toBeLessThan(40);
    for (const p of circle) expect(hits({ shape: 'polygon', points: thin }, p, 1.0001)).toBe(true);
    expect(simplify(circle, 0)).toBe(circle);
  });
});

describe('masks', () => {
  const maskOf = (rows: string[]) => {
    const mask = emptyMask({ x: 0, y: 0, width: rows[0]?.length ?? 0, height: rows.length });
    rows
      .join('')
      .split('')
      .forEach((c, i) => {
        mask.data[i] = c === '#' ? 1 : 0;
      });
    return mask;
  };

  it.each(figures.masks.map((m, i) => [i, m] as const))(
    'outlines mask %i as Python does',
    (_, m) => {
      const mask = maskOf(m.rows);
      const polygons = maskPolygons(mask);
      expect(polygons).toEqual(m.polygons);
      const again = emptyMask(mask);
      for (const p of polygons) fillPolygon(again, p);
      expect(again.data).toEqual(mask.data);
    },
  );

  it('paints round strokes and traces them where they lie', () => {
    const mask = emptyMask({ x: 100, y: 50, width: 40, height: 30 });
    paintStroke(
      mask,
      [
        [110, 65],
        [130, 65],
      ],
      5,
      1,
    );
    const area = mask.data.reduce((a, b) => a + b, 0);
    expect(Math.abs(area - (20 * 10 + Math.PI * 25))).toBeLessThan(12);
    const [ring] = maskPolygons(mask);
    expect(boundsOf(ring ?? [])).toEqual({ x: 105, y: 60, width: 30, height: 10 });
    paintStroke(
      mask,
      [
        [110, 65],
        [130, 65],
      ],
      6,
      0,
    );
    expect(maskPolygons(mask)).toEqual([]);
  });

  it('makes a window just large enough', () => {
    expect(maskAround([outline(square)])).toMatchObject({ x: 2, y: 2, width: 4, height: 3 });
  });
});

it.each(
  figures.plans.map((p) => [`${p.width} x ${p.height} ${p.resolution} ${p.smallest}`, p] as const),
)('advises on a region of %s as Python does', (_, plan) => {
  const region: TemplateRegion = {
    id: 'r',
    name: 'R',
    shape: 'rectangle',
    points: boxPoints({ x: 3.25, y: 4, width: plan.width, height: plan.height }),
    exclusions: [
      {
        shape: 'rectangle',
        points: [
          [20, 20],
          [60, 60],
        ],
      },
    ],
    minDefectAreaPx: null,
    kind: 'auto',
    resolution: plan.resolution,
  };
  const chosen = chosenResolution(region, plan.smallest);
  const advice = sizeAdvice(region, chosen, plan.smallest);
  expect(chosen).toBe(plan.chosen);
  expect(advice.defectPx).toBeCloseTo(plan.defect_px, 12);
  expect(advice.split.map((b) => [b.x, b.y, b.width, b.height])).toEqual(plan.proposal ?? []);
  expect(
    splitRectangle(region, plan.smallest).map((r) => ({
      id: r.id,
      name: r.name,
      points: r.points,
      exclusions: r.exclusions.length,
    })),
  ).toEqual(plan.split);
});
