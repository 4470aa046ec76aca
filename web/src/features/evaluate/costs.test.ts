import { expect, it } from 'vitest';
import {
  acceptAll,
  calibrateSettings,
  canChoose,
  completeCosts,
  costsFrom,
  rejectAll,
} from './costs';

it('takes the costs of the problem statement', () => {
  const found = costsFrom({ answers: { cost_miss: 80, defect_rate: 0.02, currency: 'EUR' } });
  expect(found).toMatchObject({ miss: 80, defectRate: 0.02, currency: 'EUR' });
  expect(found.falseAlarm).toBeGreaterThan(0);
  expect(completeCosts(costsFrom({}))).not.toBeNull();
  expect(completeCosts({ ...found, review: null })).toBeNull();
});

it('weighs against no inspection and against stopping all', () => {
  const costs = { miss: 80, falseAlarm: 2, review: 0.5, defectRate: 0.02 };
  expect(acceptAll(costs, 1000)).toBeCloseTo(1600);
  expect(rejectAll(costs, 1000)).toBeCloseTo(1960);
  expect(canChoose({ ...costs, miss: 0 })).toBe(false);
  expect(calibrateSettings(costs, true)).toEqual({
    cost_miss: 80,
    cost_false_alarm: 2,
    cost_review: 0.5,
    defect_rate: 0.02,
    half: true,
  });
});
