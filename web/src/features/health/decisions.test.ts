import { expect, it } from 'vitest';
import type { ImageOut } from '../../api/schema';
import { changedBy, tallyOf, undoOf } from './decisions';

const image = (id: string, decision: ImageOut['decision'], decision_why = ''): ImageOut =>
  ({ id, decision, decision_why }) as ImageOut;

it('takes back what many images had before in few requests', () => {
  const step = [
    image('a', null),
    image('b', 'keep', 'seen'),
    image('c', null),
    image('d', 'keep', 'other'),
  ];
  expect(undoOf(step)).toEqual([
    { image_ids: ['a', 'c'], decision: null, why: '' },
    { image_ids: ['b'], decision: 'keep', why: 'seen' },
    { image_ids: ['d'], decision: 'keep', why: 'other' },
  ]);
});

it('changes only what differs and is known', () => {
  const all = [image('a', null), image('b', 'leave_out'), undefined];
  expect(changedBy(all, 'leave_out').map((one) => one.id)).toEqual(['a']);
  expect(changedBy(all, null).map((one) => one.id)).toEqual(['b']);
  expect(tallyOf([image('a', 'keep'), image('b', 'leave_out')])).toEqual({ out: 1, kept: 1 });
});
