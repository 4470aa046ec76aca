import { expect, it } from 'vitest';
import { sizeIn } from './pictures';

it('reads the size of a picture of which a smaller one came', () => {
  expect(sizeIn('4000x3000')).toEqual({ width: 4000, height: 3000 });
  for (const wrong of [null, '', '4000', '0x5', '4000x', '-1x5', '4x5x6', '4.5x3'])
    expect(sizeIn(wrong)).toBeNull();
});
