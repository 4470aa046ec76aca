import { describe, expect, it } from 'vitest';
import { brush, erase } from '../core/brush';
import { addRegion, type Document, emptyDocument } from '../core/document';
import { boundsOf, boxPoints, type Point } from '../core/geometry';
import { levelCount, levelFor, visibleTiles } from './tiles';
import { makeTools, type ToolContext, type ToolName } from './tools';
import { fitView, panBy, pinch, toImage, toScreen, zoomAt } from './view';

const image = { width: 4000, height: 3000 };
const screen = { width: 800, height: 600 };

describe('view', () => {
  it('fits, and screen and image points convert', () => {
    const view = fitView(image, screen);
    expect(toScreen(view, [2000, 1500])).toEqual([400, 300]);
    expect(toImage(view, toScreen(view, [17, 23]))[0]).toBeCloseTo(17);
  });

  it('zooms about a point', () => {
    const view = fitView(image, screen);
    const before = toImage(view, [500, 200]);
    const after = toImage(zoomAt(view, [500, 200], 3, image, screen), [500, 200]);
    expect(after[0]).toBeCloseTo(before[0]);
    expect(after[1]).toBeCloseTo(before[1]);
  });

  it('keeps some of the image on the screen', () => {
    const view = panBy(fitView(image, screen), 1e6, -1e6, image, screen);
    const [x, y] = toScreen(view, [0, image.height]);
    expect(x).toBeLessThan(screen.width);
    expect(y).toBeGreaterThan(0);
  });

  it('pinches', () => {
    const view = fitView(image, screen);
    const apart = pinch(
      view,
      [
        [300, 300],
        [500, 300],
      ],
      [
        [200, 300],
        [600, 300],
      ],
      image,
      screen,
    );
    expect(apart.scale).toBeCloseTo(view.scale * 2);
  });
});

describe('tiles', () => {
  const source = { ...image, tileSize: 256, levels: levelCount(image, 256) };

  it('has a last level of one tile', () => {
    expect(source.levels).toBe(5);
    expect(visibleTiles(source, { scale: 1 / 16, x: 0, y: 0 }, screen)).toHaveLength(1);
  });

  it('takes a level that is sharp enough', () => {
    expect([2, 1, 0.6, 0.5, 0.25, 0.001].map((s) => levelFor(s, 5))).toEqual([0, 0, 0, 1, 2, 4]);
  });

  it('asks only for tiles on the screen, cut at the border', () => {
    const tiles = visibleTiles(source, { scale: 1, x: -3500, y: -2800 }, screen);
    expect(tiles.map((t) => [t.x, t.y])).toEqual([
      [13, 10],
      [14, 10],
      [15, 10],
      [13, 11],
      [14, 11],
      [15, 11],
    ]);
    expect(tiles.at(-1)?.box).toEqual({ x: 3840, y: 2816, width: 160, height: 184 });
  });
});

describe('tools', () => {
  function bench(doc: Document = emptyDocument({ width: 200, height: 100 })) {
    const tools = makeTools();
    const state = { doc, selection: [] as readonly string[] };
    const ctx = (): ToolContext => ({
      doc: state.doc,
      selection: state.selection,
      scale: 2,
      brushRadius: 4,
      select: (keys) => {
        state.selection = keys;
      },
      change: (_, command) => {
        state.doc = command(state.doc);
      },
      draw: (shape) => {
        state.doc = addRegion(shape, (n) => `Region ${n}`)(state.doc);
      },
      paint: (stroke, isErase) => {
        const join = state.doc.defects[0]?.key ?? null;
        state.doc = (isErase ? erase(stroke, 4) : brush(stroke, 4, 'dent', join))(state.doc);
      },
    });
    const at = (p: Point, keys = {}) => ({ at: p, shift: false, alt: false, ...keys });
    const click = (name: ToolName, p: Point, keys = {}) => {
      tools[name].down(at(p, keys), ctx());
      tools[name].up(at(p, keys), ctx());
    };
    const drag = (name: ToolName, from: Point, to: Point, keys = {}) => {
      tools[name].down(at(from, keys), ctx());
      tools[name].move(at(to, keys), ctx());
      tools[name].up(at(to, keys), ctx());
    };
    return { tools, state, ctx, click, drag };
  }
  const withBox = () =>
    addRegion(
      { shape: 'rectangle', points: boxPoints({ x: 20, y: 20, width: 40, height: 30 }) },
      (n) => `R${n}`,
    )(emptyDocument({ width: 200, height: 100 }));

  it('ends a polygon by Enter after clicks, and never one of two corners', () => {
    const b = bench();
    expect(b.tools.polygon.finish?.(b.ctx())).toBe(false);
    b.click('polygon', [10, 10]);
    b.click('polygon', [60, 10]);
    expect(b.tools.polygon.finish?.(b.ctx())).toBe(true);
    expect(b.state.doc.regions).toHaveLength(0);
    b.click('polygon', [60, 60]);
    expect(b.tools.polygon.finish?.(b.ctx())).toBe(true);
    expect(b.state.doc.regions.map((r) => r.points)).toEqual([
      [
        [10, 10],
        [60, 10],
        [60, 60],
      ],
    ]);
  });

  it('draws boxes by a drag or two clicks, on whole pixels', () => {
    const b = bench();
    b.drag('rectangle', [60.3, 50.2], [10.4, 9.6]);
    b.click('ellipse', [100, 10]);
    b.click('ellipse', [140, 30]);
    expect(b.state.doc.regions.map((r) => [r.shape, r.points])).toEqual([
      [
        'rectangle',
        [
          [10, 10],
          [60, 50],
        ],
      ],
      [
        'ellipse',
        [
          [100, 10],
          [140, 30],
        ],
      ],
    ]);
    b.drag('rectangle', [0, 0], [50, 20], { shift: true });
    expect(boundsOf(b.state.doc.regions[2]?.points ?? [])).toMatchObject({ width: 20, height: 20 });
  });

  it('closes polygons on the first corner, and not when they cross', () => {
    const b = bench();
    for (const p of [
      [10, 10],
      [50, 10],
      [30, 40],
      [11, 11],
    ] as Point[])
      b.click('polygon', p);
    expect(b.state.doc.regions[0]?.points).toEqual([
      [10, 10],
      [50, 10],
      [30, 40],
    ]);
    for (const p of [
      [0, 0],
      [50, 50],
      [50, 0],
      [0, 50],
    ] as Point[])
      b.click('polygon', p);
    expect(b.tools.polygon.key('c', b.ctx())).toBe(true);
    expect(b.state.doc.regions).toHaveLength(1);
    b.tools.polygon.key('Backspace', b.ctx());
    b.tools.polygon.key('c', b.ctx());
    expect(b.state.doc.regions).toHaveLength(2);
  });

  it('selects, moves, resizes and selects by a band', () => {
    const b = bench(withBox());
    b.drag('select', [40, 35], [50, 40]);
    expect(b.state.selection).toEqual(['k1']);
    expect(b.state.doc.regions[0]?.points).toEqual([
      [30, 25],
      [70, 55],
    ]);
    b.drag('select', [70, 55], [80, 60]);
    expect(b.state.doc.regions[0]?.points).toEqual([
      [30, 25],
      [80, 60],
    ]);
    b.click('select', [150, 90]);
    expect(b.state.selection).toEqual([]);
    b.drag('select', [0, 0], [35, 30]);
    expect(b.state.selection).toEqual(['k1']);
  });

  it('adds, drags and removes corners of a polygon', () => {
    const b = bench(
      addRegion(
        {
          shape: 'polygon',
          points: [
            [20, 20],
            [80, 20],
            [50, 80],
          ],
        },
        (n) => `R${n}`,
      )(emptyDocument({ width: 200, height: 100 })),
    );
    b.click('select', [50, 40]);
    b.drag('select', [50, 20], [50, 10]);
    expect(b.state.doc.regions[0]?.points).toEqual([
      [20, 20],
      [50, 10],
      [80, 20],
      [50, 80],
    ]);
    b.drag('select', [20, 20], [15, 25]);
    expect(b.state.doc.regions[0]?.points[0]).toEqual([15, 25]);
    b.click('select', [50, 10], { alt: true });
    expect(b.state.doc.regions[0]?.points).toHaveLength(3);
  });

  it('paints and erases', () => {
    const b = bench();
    b.drag('brush', [20, 50], [60, 50]);
    expect(b.state.doc.defects).toHaveLength(1);
    b.drag('eraser', [0, 50], [100, 50]);
    b.drag('eraser', [0, 46], [100, 54]);
    expect(b.state.doc.defects.length).toBeLessThanOrEqual(4);
    expect(b.tools.brush.preview()?.hover?.radius).toBe(4);
  });
});
