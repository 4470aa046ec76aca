import { expect, it } from 'vitest';
import { binsOf, countTicks, scaleOf, ticksOf } from './scale';

it('places and values are inverse', () => {
  const scale = scaleOf([0.5, 1.5], [40, 240]);
  expect(scale.place(0.5)).toBe(40);
  expect(scale.place(1.5)).toBe(240);
  expect(scale.value(scale.place(0.77))).toBeCloseTo(0.77);
  expect(Number.isFinite(scaleOf([2, 2], [0, 10]).place(2))).toBe(true);
});

it('ticks are round and inside', () => {
  expect(ticksOf([0, 1])).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
  expect(ticksOf([-1.3, 7], 5)).toEqual([0, 2, 4, 6]);
  expect(ticksOf([3, 3])).toEqual([3]);
  expect(countTicks(3)).toEqual([0, 1, 2, 3]);
  expect(countTicks(0)).toEqual([0, 1]);
});

it('every value is in one bin', () => {
  const bins = binsOf([0, 0.1, 0.1, 0.999, 1, 1.2, -3], [0, 1], 10);
  expect(bins).toHaveLength(10);
  expect(bins.map((bin) => bin.count)).toEqual([2, 2, 0, 0, 0, 0, 0, 0, 0, 3]);
  expect(bins[3]).toEqual({ from: 0.3, to: 0.4, count: 0 });
});
