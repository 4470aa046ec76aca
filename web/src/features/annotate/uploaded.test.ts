import { expect, it } from 'vitest';
import type { ImageOut, Uploaded } from '../../api/schema';
import { judgedIn, sumOf } from './uploaded';

const image = (id: string, label: 'ok' | 'ng' | null = null) => ({ id, label }) as ImageOut;
const one = (more: Partial<Uploaded>): Uploaded => ({
  name: 'x',
  kind: 'image',
  image: null,
  known: false,
  error: null,
  ...more,
});

it('counts what is new, known and refused, and leaves out what a sidecar judged', () => {
  const sum = sumOf([
    one({ image: image('a') }),
    one({ image: image('b') }),
    one({ image: image('c'), known: true }),
    one({ kind: 'annotation', image: image('b', 'ng') }),
    one({ kind: 'other', error: 'no' }),
  ]);
  expect(sum.fresh.map((i) => i.id)).toEqual(['a', 'b']);
  expect(sum.open).toEqual(['a', 'c']);
  expect([sum.known, sum.annotations, sum.templates, sum.refused.length]).toEqual([1, 1, 0, 1]);
});

it('no longer offers as good what was judged after the upload', () => {
  const results = [one({ image: image('a') }), one({ image: image('b') })];
  expect(sumOf(judgedIn(results, ['a'], 'ng')).open).toEqual(['b']);
  expect(sumOf(judgedIn(results, ['a', 'b'], 'ng')).open).toEqual([]);
});
