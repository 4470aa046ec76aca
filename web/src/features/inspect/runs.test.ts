import { expect, it } from 'vitest';
import { ApiError } from '../../api/client';
import { countsOf, mayGoThrough, type Run, runOf } from './runs';

const failed = (error: Error): Run => ({
  ...runOf(new File([], 'a.png'), 'a', '', ''),
  state: 'failed',
  error,
});

it('sends again what did not reach the server, not what it refused', () => {
  const refused = failed(new ApiError(400, 'image', 'no image'));
  const busy = failed(new ApiError(503, 'busy', 'busy'));
  const lost = failed(new TypeError('no answer'));
  expect([refused, busy, lost].map(mayGoThrough)).toEqual([false, true, true]);
  expect(countsOf([refused, busy, lost])).toMatchObject({ failed: 3, again: 2, done: 3 });
});
