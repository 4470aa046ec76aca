import { describe, expect, it } from 'vitest';
import { clopperPearson } from './binomial';
import cases from './fixtures/binomial.json';

describe('clopperPearson', () => {
  it.each(cases)('$k of $n at $confidence is what Python says', (one) => {
    const found = clopperPearson(one.k, one.n, one.confidence);
    expect(Math.abs((found?.low ?? 9) - one.low)).toBeLessThan(1e-10);
    expect(Math.abs((found?.high ?? 9) - one.high)).toBeLessThan(1e-10);
  });

  it('has no interval of nothing', () => {
    expect(clopperPearson(0, 0)).toBeNull();
    expect(clopperPearson(3, 2)).toBeNull();
  });
});
