/** Costs as they are typed; what is missing stays empty. */

import type { Costs } from './decide';

export type CostInput = {
  readonly miss: number | null;
  readonly falseAlarm: number | null;
  readonly review: number | null;
  readonly defectRate: number | null;
  readonly currency: string;
};

const FALLBACK = { miss: 100, falseAlarm: 5, review: 1, defectRate: 0.01 };

/** From the problem statement of the project; what it does not say has a usual value. */
export function costsFrom(problem: Readonly<Record<string, unknown>>): CostInput {
  const said = (problem.answers ?? {}) as Readonly<Record<string, unknown>>;
  const number = (key: string, other: number): number =>
    typeof said[key] === 'number' ? said[key] : other;
  return {
    miss: number('cost_miss', FALLBACK.miss),
    falseAlarm: number('cost_false_alarm', FALLBACK.falseAlarm),
    review: number('cost_review', FALLBACK.review),
    defectRate: number('defect_rate', FALLBACK.defectRate),
    currency: typeof said.currency === 'string' ? said.currency : '',
  };
}

/** Null while a field is empty. */
export function completeCosts(input: CostInput): Costs | null {
  const { miss, falseAlarm, review, defectRate } = input;
  if (miss === null || falseAlarm === null || review === null || defectRate === null) return null;
  return { miss, falseAlarm, review, defectRate };
}

export const acceptAll = (costs: Costs, per: number): number => per * costs.defectRate * costs.miss;

export const rejectAll = (costs: Costs, per: number): number =>
  per * (1 - costs.defectRate) * costs.falseAlarm;

/** Weighing needs two costs above 0. */
export const canChoose = (costs: Costs): boolean => costs.miss > 0 && costs.falseAlarm > 0;

/** As the job takes them. */
export function calibrateSettings(costs: Costs, half: boolean): Record<string, unknown> {
  return {
    cost_miss: costs.miss,
    cost_false_alarm: costs.falseAlarm,
    cost_review: costs.review,
    defect_rate: costs.defectRate,
    half,
  };
}
