import { expect, it } from 'vitest';
import { gridStep } from './gridKeys';

it('moves in rows and columns and stays inside', () => {
  const from = (at: number) => (key: string) => gridStep(key, at, 4, 10);
  expect(['ArrowRight', 'ArrowLeft', 'ArrowDown', 'ArrowUp'].map(from(5))).toEqual([6, 4, 9, 1]);
  expect(['ArrowDown', 'ArrowRight', 'End', 'PageDown'].map(from(9))).toEqual([9, 9, 9, 9]);
  expect(['ArrowUp', 'ArrowLeft', 'Home', 'PageUp'].map(from(2))).toEqual([2, 1, 0, 0]);
  expect(from(2)('x')).toBeNull();
  expect(gridStep('Home', 0, 4, 0)).toBeNull();
});
