import { expect, it } from 'vitest';
import { statusOf } from './status';

it('a withdrawn promise is no certificate', () => {
  expect(statusOf({ status: 'certified', guarantee_upper: 0.02 })).toBe('certified');
  expect(statusOf({ status: 'extrapolated', guarantee_upper: 0.1 })).toBe('extrapolated');
  expect(statusOf({ status: 'certified', guarantee_upper: null })).toBe('moved');
  expect(statusOf({ status: 'provisional', guarantee_upper: null })).toBe('provisional');
  expect(statusOf({ status: 'manual', guarantee_upper: null })).toBe('manual');
});
