import { expect, it } from 'vitest';
import type { JobOut, ModelOut } from '../../api/schema';
import { comparedOf, comparisonOf, shelfOf, whyKind } from './approval';
import { curlCall, inspectUrl, pythonCall } from './snippets';

const model = (number: number, approved = false) =>
  ({ id: `m${number}`, number, approved }) as ModelOut;

const job = (over: Partial<JobOut>): JobOut => ({
  id: 'j',
  kind: 'compare',
  params: { model_id: 'm3', other_model_id: 'm2' },
  state: 'done',
  step: '',
  done: 1,
  total: 1,
  result: null,
  error: null,
  created_by: 'eve',
  created_s: 1,
  finished_s: 2,
  ...over,
});

it('sorts models around the one in use', () => {
  const shelf = shelfOf([model(1), model(3), model(2, true)]);
  expect(shelf.inUse?.number).toBe(2);
  expect(shelf.candidates.map((m) => m.number)).toEqual([3]);
  expect(shelf.earlier.map((m) => m.number)).toEqual([1]);
});

it('offers every model as long as none is in use', () => {
  const shelf = shelfOf([model(1), model(2)]);
  expect(shelf.candidates.map((m) => m.number)).toEqual([2, 1]);
  expect(shelf.earlier).toEqual([]);
});

it('takes the latest comparison of these two models and of no others', () => {
  const jobs = [
    job({ id: 'old', created_s: 1 }),
    job({ id: 'new', created_s: 5 }),
    job({ id: 'stopped', created_s: 9, state: 'cancelled' }),
    job({ id: 'other', created_s: 9, params: { model_id: 'm3', other_model_id: 'm1' } }),
    job({ id: 'fit', created_s: 9, kind: 'fit' }),
  ];
  expect(comparisonOf(jobs, model(3), model(2))?.id).toBe('new');
  expect(comparisonOf(jobs, model(4), model(2))).toBeNull();
  expect(comparisonOf(jobs, model(3), null)).toBeNull();
});

it('asks for a reason unless a comparison speaks for the model', () => {
  const result = (decision: string) => ({
    decision,
    words: ['a'],
    notes: [],
    flips: [1],
    left_out: 2,
  });
  const compared = comparedOf(job({ result: result('not_worse') }));
  expect(compared).toEqual({
    decision: 'not_worse',
    words: ['a'],
    notes: [],
    flips: 1,
    leftOut: 2,
  });
  expect(whyKind(false, compared)).toBe('optional');
  expect(whyKind(false, comparedOf(job({ result: result('undecided') })))).toBe('against');
  expect(whyKind(false, comparedOf(job({ state: 'running', result: null })))).toBe('without');
  expect(whyKind(true, compared)).toBe('back');
});

it('calls with the address of this project and no token in the text', () => {
  const url = inspectUrl('https://qa.example', 'p1');
  expect(url).toBe('https://qa.example/api/v1/projects/p1/inspect');
  for (const call of [curlCall(url), pythonCall(url)]) {
    expect(call).toContain(url);
    expect(call).toContain('OFFSPEC_TOKEN');
    expect(call).toContain('Idempotency-Key');
  }
});
