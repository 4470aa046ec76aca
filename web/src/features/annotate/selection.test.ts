import { expect, it } from 'vitest';
import { NO_SELECTION, pick, within } from './selection';

const ids = ['a', 'b', 'c', 'd', 'e'];
const plain = { shiftKey: false, ctrlKey: false, metaKey: false };
const shift = { ...plain, shiftKey: true };
const ctrl = { ...plain, ctrlKey: true };

it('picks one, a range, and more one by one', () => {
  const one = pick(NO_SELECTION, ids, 1, plain);
  const range = pick(one, ids, 3, shift);
  expect([...range.ids]).toEqual(['b', 'c', 'd']);
  expect([...pick(range, ids, 0, shift).ids]).toEqual(['a', 'b']);
  const more = pick(range, ids, 4, ctrl);
  expect([...more.ids]).toEqual(['b', 'c', 'd', 'e']);
  expect([...pick(more, ids, 2, ctrl).ids]).toEqual(['b', 'd', 'e']);
  expect(pick(one, ids, 9, plain)).toBe(one);
});

it('loses what is no longer in the list', () => {
  const range = pick(pick(NO_SELECTION, ids, 2, plain), ids, 4, shift);
  const left = within(range, ['a', 'c', 'd']);
  expect([[...left.ids], left.anchor, left.active]).toEqual([['c', 'd'], 2, 2]);
  expect(within(left, ['a', 'c', 'd'])).toBe(left);
});
