import { describe, expect, it } from 'vitest';
import { daysOf } from './days';
import { dayStart, differences } from './differences';
import { makePassword } from './password';

describe('differences of an audit entry', () => {
  it('tells only what changed, by name from the outside in', () => {
    const before = { name: 'cap', archived: false, answers: { cost_miss: 80, task: 'locate' } };
    const after = { name: 'cap', archived: true, answers: { task: 'locate', cores: 4 } };
    expect(differences(before, after)).toEqual([
      { path: 'archived', before: 'false', after: 'true' },
      { path: 'answers.cost_miss', before: '80', after: null },
      { path: 'answers.cores', before: null, after: '4' },
    ]);
  });

  it('tells everything of what was made or removed', () => {
    expect(differences(null, { name: 'eve', role: 'engineer' })).toEqual([
      { path: 'name', before: null, after: 'eve' },
      { path: 'role', before: null, after: 'engineer' },
    ]);
    expect(differences({ name: 'a.png' }, null)).toEqual([
      { path: 'name', before: 'a.png', after: null },
    ]);
    expect(differences(null, null)).toEqual([]);
  });

  it('shows lists as words and cuts what is long', () => {
    const [regions, text] = differences(null, { regions: ['a', 'b'], text: 'x'.repeat(500) });
    expect(regions?.after).toBe('a, b');
    expect(text?.after).toHaveLength(161);
  });

  it('tells nothing from what is not there', () => {
    expect(differences({ days: 30 }, { days: null })).toEqual([
      { path: 'days', before: '30', after: '' },
    ]);
  });
});

it('reads days, or nothing for ever', () => {
  expect(daysOf(' 30 ')).toBe(30);
  expect(daysOf('')).toBeNull();
  for (const wrong of ['0', '-1', '1.5', 'a', '36501', '1e3'])
    expect(daysOf(wrong)).toBeUndefined();
});

it('turns days into seconds of local time', () => {
  expect(dayStart('2026-11-21')).toBe(new Date(2026, 10, 21).getTime() / 1000);
  expect(dayStart('2026-12-31', 1)).toBe(new Date(2027, 0, 1).getTime() / 1000);
  expect(dayStart('')).toBeUndefined();
});

it('makes passwords that differ and are easy to read out', () => {
  const made = new Set(Array.from({ length: 50 }, makePassword));
  expect(made.size).toBe(50);
  for (const one of made) expect(one).toMatch(/^([a-hjkmnp-z2-9]{5}-){3}[a-hjkmnp-z2-9]{5}$/);
});
