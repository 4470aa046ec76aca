import { expect, it } from 'vitest';
import { ApiError } from '../../api/client';
import { waitOf } from '../../api/inspect';
import { imagesOf, stemOf } from './dropped';
import { ahead, catalogueOf, isTaken, nextOf, reasonsFor, stepOf, stillOpen } from './queue';
import { countsOf, inParallel, runOf } from './runs';

const ITEMS = ['d', 'c', 'b', 'a'].map((id) => ({ id }));
const NONE = new Set<string>();

it('goes on to the older one and then round to the newest', () => {
  expect(nextOf(ITEMS, 'd', NONE)).toBe('c');
  expect(nextOf(ITEMS, 'd', new Set(['c', 'b']))).toBe('a');
  expect(nextOf(ITEMS, 'a', NONE)).toBe('d');
  expect(stepOf(ITEMS, 'd', NONE, -1)).toBe('a');
});

it('says of a picture that somebody else judged first that it does not wait', () => {
  expect(isTaken(new ApiError(409, 'state', 'Omar was first.'))).toBe(true);
  expect(isTaken(new ApiError(503, 'busy', 'Later.'))).toBe(false);
  expect(isTaken(new TypeError('no network'))).toBe(false);
});

it('knows when nothing is left', () => {
  expect(nextOf(ITEMS, 'b', new Set(['a', 'c', 'd']))).toBeNull();
  expect(nextOf([], 'b', NONE)).toBeNull();
  expect(stillOpen(ITEMS, new Set(['a']))).toHaveLength(3);
});

it('starts with the newest where the present one is not in the list', () => {
  expect(nextOf(ITEMS, 'elsewhere', NONE)).toBe('d');
});

it('looks ahead without repeating itself', () => {
  expect(ahead(ITEMS, 'd', NONE, 2)).toEqual(['c', 'b']);
  expect(ahead(ITEMS, 'd', new Set(['c']), 9)).toEqual(['b', 'a']);
  expect(ahead([{ id: 'd' }], 'd', NONE, 2)).toEqual([]);
});

it('has reasons that people gave before those of the catalogue and the usual ones', () => {
  const reasons = reasonsFor(
    { ng: ['bent pin'], ok: [] },
    { ng: ['Bent pin', 'Crack'], ok: ['Fingerprint'] },
    { ng: ['Scratch', 'Dirt', 'Dent', 'Hole'], ok: ['Dust'] },
  );
  expect(reasons.filter((r) => r.decision === 'ng').map((r) => r.text)).toEqual([
    'bent pin',
    'Crack',
    'Scratch',
    'Dirt',
    'Dent',
  ]);
  expect(reasons.at(-1)).toEqual({ text: 'Dust', decision: 'ok' });
  expect(reasons.length).toBeLessThanOrEqual(9);
});

it('shows a reason once, though it was given for good and for defective ones', () => {
  const reasons = reasonsFor(
    { ng: ['Dirt'], ok: ['dirt', 'Dust'] },
    { ng: [], ok: [] },
    { ng: ['Scratch'], ok: ['Reflection'] },
  );
  expect(reasons.map((one) => one.text)).toEqual(['Dirt', 'Scratch', 'Dust', 'Reflection']);
});

it('reads the catalogue and nothing else', () => {
  const problem = { defects: [{ type: 'crack' }, { type: '' }, null], not_a_defect: 3 };
  expect(catalogueOf(problem)).toEqual({ ng: ['crack'], ok: [] });
});

it('waits as long as the server says, and only when it is busy', () => {
  expect(waitOf(new ApiError(503, 'busy', '', 3), 1)).toBe(3);
  expect(waitOf(new ApiError(503, 'busy', ''), 2)).toBe(2);
  expect(waitOf(new ApiError(409, 'state', '', 3), 1)).toBeNull();
  expect(waitOf(new ApiError(503, 'busy', '', 3), 30)).toBeNull();
  expect(waitOf(new TypeError('offline'), 1)).toBeNull();
});

it('takes images and leaves the rest', () => {
  const files = ['b10.png', 'b9.PNG', 'notes.txt', '._b9.png', 'a.tiff'].map(
    (name) => new File([], name),
  );
  expect(imagesOf(files).map((file) => file.name)).toEqual(['a.tiff', 'b9.PNG', 'b10.png']);
  expect(stemOf('part.007.png')).toBe('part.007');
});

it('works on no more than a few at once, and on all', async () => {
  let [busy, most, left] = [0, 0, 10];
  await inParallel(3, async () => {
    if (left === 0) return false;
    left -= 1;
    busy += 1;
    most = Math.max(most, busy);
    await new Promise((done) => setTimeout(done, 1));
    busy -= 1;
    return true;
  });
  expect([left, most]).toEqual([0, 3]);
});

it('counts what came back', () => {
  const run = runOf(new File([], 'a.png'), 'key', '', '');
  expect(countsOf([run, { ...run, state: 'failed' }])).toMatchObject({ failed: 1, done: 1, ok: 0 });
});
