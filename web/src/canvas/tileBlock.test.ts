import { expect, it } from 'vitest';
import { applied, IDENTITY, inverse, type Matrix, times, viewMatrix } from './matrix';
import { type SharpSource, tileBlock } from './tileBlock';

const SCREEN = { width: 800, height: 600 };
const LARGE: SharpSource = {
  width: 6000,
  height: 4000,
  tileSize: 512,
  levels: 5,
  url: (level, x, y) => `${level}/${x}/${y}`,
  fromScale: 1600 / 6000,
};
const TURNED: Matrix = [
  [0.98, -0.17, 12],
  [0.17, 0.98, -7],
  [1e-6, -2e-6, 1],
];

it('asks for no tile while the coarse picture is sharp', () => {
  const whole = viewMatrix({ scale: 0.13, x: 0, y: 0 });
  expect(tileBlock(LARGE, whole, SCREEN, 1)).toBeNull();
  expect(tileBlock(LARGE, whole, SCREEN, 3)).not.toBeNull();
});

it('asks for the tiles that are seen, at the level of the screen', () => {
  const close = viewMatrix({ scale: 1, x: -2000, y: -1000 });
  expect(tileBlock(LARGE, close, SCREEN, 1)).toEqual({
    level: 0,
    left: 3,
    top: 1,
    right: 6,
    bottom: 4,
  });
  expect(tileBlock(LARGE, viewMatrix({ scale: 0.5, x: 0, y: 0 }), SCREEN, 1)).toEqual({
    level: 1,
    left: 0,
    top: 0,
    right: 2,
    bottom: 2,
  });
});

it('covers all that is seen of a picture that is turned', () => {
  const matrix = times(viewMatrix({ scale: 0.9, x: -1500, y: -900 }), TURNED);
  const block = tileBlock(LARGE, matrix, SCREEN, 1);
  if (!block) throw new Error('no tiles');
  const side = 512 * 2 ** block.level;
  const back = inverse(matrix) as Matrix;
  for (const x of [0, SCREEN.width])
    for (const y of [0, SCREEN.height]) {
      const [u, v] = applied(back, [x, y]);
      const isInPicture = u > 0 && v > 0 && u < LARGE.width && v < LARGE.height;
      const isCovered =
        u >= block.left * side &&
        u <= block.right * side &&
        v >= block.top * side &&
        v <= block.bottom * side;
      expect(isCovered || !isInPicture).toBe(true);
    }
});

it('stays within a number of tiles, and within the picture', () => {
  const tall = { width: 30_000, height: 20_000 };
  const huge = { ...LARGE, ...tall, levels: 7, fromScale: 0.05 };
  const many = tileBlock(huge, viewMatrix({ scale: 0.5, x: 0, y: 0 }), SCREEN, 8);
  if (!many) throw new Error('no tiles');
  expect((many.right - many.left) * (many.bottom - many.top)).toBeLessThanOrEqual(48);
  const beside = viewMatrix({ scale: 1, x: 900, y: 0 });
  expect(tileBlock(LARGE, beside, SCREEN, 1)).toBeNull();
  expect(
    tileBlock(
      LARGE,
      times(IDENTITY, [
        [0, 0, 0],
        [0, 0, 0],
        [0, 0, 1],
      ]),
      SCREEN,
      1,
    ),
  ).toBeNull();
});
