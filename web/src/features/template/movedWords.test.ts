import { expect, it } from 'vitest';
import { movedWords } from './movedWords';

it('says how far and where to an image was moved', () => {
  expect(movedWords({ shift_xy: [-0.42, -3.06], rotation_deg: 1.5, scale: 1.0123 })).toBe(
    'The part lay 0.4 px left, 3.1 px up, turned 1.50° counter-clockwise, scale 1.012',
  );
  expect(movedWords({ shift_xy: [12, 7], rotation_deg: -0.25, scale: 1 })).toBe(
    'The part lay 12.0 px right, 7.0 px down, turned 0.25° clockwise, scale 1.000',
  );
  expect(movedWords({ shift_xy: [0, 0], rotation_deg: 0.004, scale: 1 })).toContain('not turned');
});
