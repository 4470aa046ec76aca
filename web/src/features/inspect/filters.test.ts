import { expect, it } from 'vitest';
import type { InspectionBrief } from '../../api/schema';
import { canLearn, fits, NO_FILTER, queryOf } from './filters';

const item = (over: Partial<InspectionBrief>): InspectionBrief => ({
  id: 'i',
  model_id: 'm',
  model_number: 1,
  image_sha256: '',
  part_id: null,
  line: null,
  verdict: 'ng',
  deviation_score: 0.7,
  review: 'ok',
  reason: '',
  reviewed_by: 'anna',
  reviewed_s: 1,
  learned_image_id: null,
  image_gone: false,
  created_s: 1,
  ...over,
});

it('asks for nothing more than is wished', () => {
  expect(queryOf(NO_FILTER, 1e9)).toEqual({});
  const filter = { ...NO_FILTER, verdict: 'ng', judged: 'open', part: 'A1', time: 'hour' } as const;
  expect(queryOf(filter, 1e9)).toEqual({
    verdict: 'ng',
    open: true,
    part_id: 'A1',
    from_s: 999_996_360,
  });
  expect(queryOf({ ...NO_FILTER, judged: 'overruled' }, 1e9)).toEqual({ review: 'ok' });
});

it('calls overruled only what the model stopped', () => {
  const filter = { ...NO_FILTER, judged: 'overruled' } as const;
  expect(fits(filter, item({}))).toBe(true);
  expect(fits(filter, item({ verdict: 'review' }))).toBe(true);
  expect(fits(filter, item({ verdict: 'ok' }))).toBe(false);
  expect(fits(NO_FILTER, item({ verdict: 'ok' }))).toBe(true);
});

it('learns from each false alarm once, while its picture is there', () => {
  expect(canLearn(item({}))).toBe(true);
  expect(canLearn(item({ learned_image_id: 'x' }))).toBe(false);
  expect(canLearn(item({ image_gone: true }))).toBe(false);
  expect(canLearn(item({ review: 'ng' }))).toBe(false);
  expect(canLearn(item({ review: null }))).toBe(false);
});
