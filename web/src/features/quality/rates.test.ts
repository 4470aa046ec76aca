import { describe, expect, it } from 'vitest';
import type { RateOut } from '../../api/schema';
import { type Asked, byUnit, canShowHours, inspected, spanOf, timesOf, totalOf } from './rates';

const NOW = new Date(2026, 10, 21, 14, 20);
const ASKED: Asked = { range: 'day', unit: 'hour', from: '', to: '', line: '' };
const row = (start: Date, more: Partial<RateOut>): RateOut => ({
  start_s: start.getTime() / 1000,
  ok: 0,
  review: 0,
  ng: 0,
  invalid: 0,
  reviewed: 0,
  overruled: 0,
  ...more,
});

describe('the time that is looked at', () => {
  it('is the last 24 hours, this one included', () => {
    const times = timesOf(ASKED, NOW);
    expect(times).toEqual([new Date(2026, 10, 20, 15), NOW]);
    expect(times && spanOf(times).bucket).toBe('hour');
  });

  it('begins with a day for longer ranges', () => {
    expect(timesOf({ ...ASKED, range: 'week' }, NOW)?.[0]).toEqual(new Date(2026, 10, 15));
    const quarter = timesOf({ ...ASKED, range: 'quarter' }, NOW);
    expect(quarter && spanOf(quarter).bucket).toBe('day');
    expect(quarter && canShowHours(quarter)).toBe(false);
  });

  it('takes the last day named as a whole', () => {
    const own = { ...ASKED, range: 'own' as const, from: '2026-11-01', to: '2026-11-02' };
    const times = timesOf(own, NOW);
    expect(times?.[0]).toEqual(new Date(2026, 10, 1));
    expect(times?.[1]).toEqual(new Date(2026, 10, 2, 23, 59, 59, 999));
  });

  it('refuses what cannot be', () => {
    const own = { ...ASKED, range: 'own' as const };
    expect(timesOf({ ...own, from: '2026-11-03', to: '2026-11-02' }, NOW)).toBeNull();
    expect(timesOf({ ...own, from: '', to: '2026-11-02' }, NOW)).toBeNull();
    expect(timesOf({ ...own, from: '2000-01-01', to: '2026-11-02' }, NOW)).toBeNull();
  });
});

describe('counts', () => {
  const rows = [
    row(new Date(2026, 10, 20, 23), { ok: 3, ng: 1, reviewed: 1, overruled: 1 }),
    row(new Date(2026, 10, 21, 0), { ok: 4, review: 2 }),
    row(new Date(2026, 10, 21, 1), { invalid: 1, reviewed: 1 }),
  ];

  it('are joined into days of the calendar here', () => {
    expect(byUnit(rows, 'hour', 'day')).toEqual([
      row(new Date(2026, 10, 20), { ok: 3, ng: 1, reviewed: 1, overruled: 1 }),
      row(new Date(2026, 10, 21), { ok: 4, review: 2, invalid: 1, reviewed: 1 }),
    ]);
    expect(byUnit(rows, 'hour', 'hour')).toEqual(rows);
    expect(byUnit(rows, 'day', 'hour')).toEqual(rows);
  });

  it('add up', () => {
    const total = totalOf(rows);
    expect(inspected(total)).toBe(11);
    expect([total.reviewed, total.overruled]).toEqual([2, 1]);
  });
});
