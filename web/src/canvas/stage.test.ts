import { expect, it } from 'vitest';
import {
  applied,
  cssTransform,
  fromCorners,
  inverse,
  type Matrix,
  matrixOf,
  times,
} from './matrix';
import { closeTo, sharedOf, stepped, viewIn, wholeOf, zoomed } from './sharedView';
import { toImage, zoomAt } from './view';

const TURNED: Matrix = [
  [0.98, -0.17, 12],
  [0.17, 0.98, -7],
  [1e-5, -2e-5, 1],
];

it('a matrix and its inverse undo each other', () => {
  const back = inverse(TURNED);
  if (!back) throw new Error('no inverse');
  const [x, y] = applied(back, applied(TURNED, [321, 123]));
  expect(x).toBeCloseTo(321, 6);
  expect(y).toBeCloseTo(123, 6);
  expect(inverse([TURNED[0], TURNED[0], TURNED[2]])).toBeNull();
});

it('counts from corners as alignment counts from centres', () => {
  const half: Matrix = [
    [0.5, 0, -0.25],
    [0, 0.5, -0.25],
    [0, 0, 1],
  ]; // what a picture of half the size has, by centres
  expect(applied(fromCorners(half), [8, 4])).toEqual([4, 2]);
});

it('writes the columns of a matrix for CSS', () => {
  const moved: Matrix = [
    [2, 0, 30],
    [0, 2, 40],
    [0, 0, 1],
  ];
  expect(cssTransform(moved)).toBe('matrix3d(2,0,0,0,0,2,0,0,0,0,1,0,30,40,0,1)');
  expect(times(moved, moved)[0]).toEqual([4, 0, 90]);
});

it('takes nothing else for a matrix', () => {
  expect(matrixOf(TURNED)).toEqual(TURNED);
  for (const wrong of [
    null,
    [],
    [[1, 2, 3]],
    [
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 'x'],
    ],
  ])
    expect(matrixOf(wrong)).toBeNull();
});

const FRAME = { width: 800, height: 600 };
const PANES = [
  { width: 500, height: 400 },
  { width: 900, height: 300 },
] as const;

it('panes of different sizes show the same place in their middle', () => {
  const shared = { zoom: 3, x: 200, y: 450 };
  for (const pane of PANES) {
    const view = viewIn(shared, FRAME, pane);
    const [x, y] = toImage(view, [pane.width / 2, pane.height / 2]);
    expect([x, y]).toEqual([expect.closeTo(200), expect.closeTo(450)]);
    expect(sharedOf(view, FRAME, pane)).toEqual({
      zoom: expect.closeTo(3),
      x: expect.closeTo(200),
      y: expect.closeTo(450),
    });
  }
});

it('zooming at a point of one pane keeps what lies under the pointer', () => {
  const [pane] = PANES;
  const before = viewIn(wholeOf(FRAME), FRAME, pane);
  const under = toImage(before, [300, 220]);
  const shared = sharedOf(zoomAt(before, [300, 220], 4, FRAME, pane), FRAME, pane);
  const [x, y] = toImage(viewIn(shared, FRAME, pane), [300, 220]);
  expect([x, y]).toEqual([expect.closeTo(under[0]), expect.closeTo(under[1])]);
});

it('stays on the picture', () => {
  expect(stepped(wholeOf(FRAME), [5, 0], FRAME).x).toBe(800);
  expect(zoomed(wholeOf(FRAME), 1e-9).zoom).toBe(0.5);
  expect(zoomed(wholeOf(FRAME), 1e9).zoom).toBe(64);
});

it('goes close to a place without losing where it is', () => {
  const view = closeTo({ x: 600, y: 400, width: 40, height: 20 }, FRAME);
  expect(view).toEqual({ zoom: 7, x: 620, y: 410 });
  expect(closeTo({ x: 0, y: 0, width: 1, height: 1 }, FRAME).zoom).toBe(12);
  expect(closeTo({ x: 0, y: 0, width: 800, height: 600 }, FRAME).zoom).toBe(1);
});
