import { expect, it } from 'vitest';
import type { ImageOut } from '../../api/schema';
import { changedBy, undoOf } from './decisions';

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

it('changes only what differs', () => {
  const known = new Map([image('a', null), image('b', 'leave_out')].map((one) => [one.id, one]));
  const changed = (decision: 'leave_out' | null) =>
    changedBy(['a', 'b', 'new'], (id) => known.get(id), decision).map((one) => one.id);
  expect(changed('leave_out')).toEqual(['a', 'new']);
  expect(changed(null)).toEqual(['b']);
});
