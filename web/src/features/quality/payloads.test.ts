import { describe, expect, it } from 'vitest';
import type { JobOut } from '../../api/schema';
import {
  candidates,
  filesOf,
  keyCurve,
  lightOf,
  type PodCurveData,
  type PodRegion,
} from './payloads';

const job = (more: Partial<JobOut>): JobOut => ({
  id: 'j',
  kind: 'pod',
  params: {},
  state: 'done',
  step: '',
  done: 1,
  total: 1,
  result: null,
  error: null,
  created_by: 'eve',
  created_s: 0,
  finished_s: 0,
  ...more,
});

const curve = (more: Partial<PodCurveData>): PodCurveData => ({
  kind: 'spot',
  contrast: 0.1,
  name: '',
  trials: 60,
  status: 'found',
  a50: 4,
  a90: 6,
  a90_95: 8,
  words: '',
  curve: null,
  points: [],
  ...more,
});

it('offers documents before figures', () => {
  const files = { 'pod.json': 'a', 'pod.html': 'b', 'pod.pdf': 'c', 'x.zip': 'd' };
  expect(filesOf(job({ result: { files } })).map((one) => one.name)).toEqual([
    'pod.pdf',
    'pod.html',
    'pod.json',
  ]);
  expect(filesOf(job({}))).toEqual([]);
});

it('lets moderate spots speak for a region', () => {
  const curves = [
    curve({ kind: 'line', contrast: 0.2 }),
    curve({ contrast: 0.05 }),
    curve({ contrast: 0.4 }),
    curve({ contrast: 0.2, name: 'this one' }),
  ];
  expect(keyCurve({ curves } as unknown as PodRegion)?.name).toBe('this one');
  expect(keyCurve({ curves: [] } as unknown as PodRegion)).toBeNull();
});

it('is good only where the size asked for is shown', () => {
  expect(lightOf(curve({}), 8)).toBe('good');
  expect(lightOf(curve({}), 7)).toBe('warn');
  expect(lightOf(curve({ a90_95: null }), 7)).toBe('warn');
  expect(lightOf(curve({ a90_95: null, status: 'not_reached' }), 7)).toBe('bad');
});

describe('what can go into a report', () => {
  const jobs = [
    job({ id: 'other', params: { model_id: 'm2' } }),
    job({ id: 'failed', state: 'failed', params: { model_id: 'm1' } }),
    job({ id: 'mine', params: { model_id: 'm1' } }),
    job({ id: 'people', kind: 'msa' }),
    job({ id: 'made', kind: 'calibrate', params: { model_id: 'm0' }, result: { model_id: 'm1' } }),
    job({ id: 'check', kind: 'check', params: { version_id: 'v1' } }),
  ];
  const ids = (part: Parameters<typeof candidates>[1]) =>
    candidates(jobs, part, 'm1', 'v1').map((one) => one.id);

  it('is done and about the model', () => {
    expect(ids('pod')).toEqual(['mine']);
    expect(ids('msa')).toEqual(['people']);
    expect(ids('operating')).toEqual(['made']);
  });

  it('and a check of the same dataset version', () => {
    expect(ids('health')).toEqual(['check']);
    expect(candidates(jobs, 'health', 'm1', 'v2')).toEqual([]);
  });
});
