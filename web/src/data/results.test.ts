import { expect, it } from 'vitest';
import type { JobOut } from '../api/schema';
import { latestJob } from './results';

const job = (id: string, kind: string, state: JobOut['state'], params: object): JobOut =>
  ({ id, kind, state, params }) as JobOut;

it('finds the latest job about what is asked', () => {
  const jobs = [
    job('5', 'evaluate', 'failed', { model_id: 'm', version_id: 'v' }),
    job('4', 'fit', 'done', { version_id: 'v' }),
    job('3', 'evaluate', 'done', { model_id: 'm', version_id: 'v' }),
    job('2', 'evaluate', 'done', { model_id: 'm', version_id: 'w' }),
  ];
  expect(latestJob(jobs, 'evaluate')?.id).toBe('5');
  expect(latestJob(jobs, 'evaluate', { model_id: 'm', version_id: 'v' }, ['done'])?.id).toBe('3');
  expect(latestJob(jobs, 'evaluate', { model_id: 'm', version_id: 'w' })?.id).toBe('2');
  expect(latestJob(jobs, 'evaluate', { model_id: 'n' })).toBeNull();
  expect(latestJob(jobs, 'check')).toBeNull();
});
