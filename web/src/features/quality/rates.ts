/** Which time is looked at, and counts of it by hour or day. */

import type { RateOut } from '../../api/schema';
import type { Span } from '../../data/quality';

export const RANGES = ['day', 'week', 'month', 'quarter', 'own'] as const;
export type Range = (typeof RANGES)[number];
export const UNITS = ['hour', 'day'] as const;
export type Unit = (typeof UNITS)[number];
export const VERDICTS = ['ok', 'review', 'ng', 'invalid'] as const;

export type Asked = {
  readonly range: Range;
  readonly unit: Unit;
  /** Days as `YYYY-MM-DD`, for a range of one's own. */
  readonly from: string;
  readonly to: string;
  readonly line: string;
};

const DAYS: Readonly<Record<Exclude<Range, 'own'>, number>> = {
  day: 1,
  week: 7,
  month: 30,
  quarter: 90,
};
const DAY_S = 86_400;
/** More bars than these cannot be told apart. */
const MOST_HOURS = 8 * 24;
/** The server tells at most 2000 buckets at once. */
const MOST_DAYS_BY_HOURS = 80;
const MOST_DAYS = 1990;

/** Beginning of a day here, some days later. */
export function dayOf(day: string, later = 0): Date | null {
  const [year, month, date] = day.split('-').map(Number);
  return year && month && date ? new Date(year, month - 1, date + later) : null;
}

/** Null = no such time. */
export function timesOf(asked: Asked, now: Date): readonly [from: Date, to: Date] | null {
  if (asked.range !== 'own') {
    const from = new Date(now);
    if (asked.range === 'day') {
      from.setHours(from.getHours() - 23, 0, 0, 0);
      return [from, now];
    }
    from.setHours(0, 0, 0, 0);
    from.setDate(from.getDate() - DAYS[asked.range] + 1);
    return [from, now];
  }
  const from = dayOf(asked.from);
  const end = dayOf(asked.to, 1);
  if (!from || !end || from >= end || daysBetween(from, end) > MOST_DAYS) return null;
  return [from, new Date(end.getTime() - 1)];
}

const daysBetween = (from: Date, to: Date): number =>
  (to.getTime() - from.getTime()) / 1000 / DAY_S;

/** Whether hours can be shown of so long a time. */
export const canShowHours = ([from, to]: readonly [Date, Date]): boolean =>
  daysBetween(from, to) * 24 <= MOST_HOURS;

/** Hours are asked for where days can be made of them: a day here is not one of the server. */
export function spanOf([from, to]: readonly [Date, Date]): Span {
  return {
    from_s: from.getTime() / 1000,
    to_s: to.getTime() / 1000,
    bucket: daysBetween(from, to) > MOST_DAYS_BY_HOURS ? 'day' : 'hour',
  };
}

/** Hours joined into days of the local calendar; days stay what they are. */
export function byUnit(rows: readonly RateOut[], bucket: Unit, unit: Unit): RateOut[] {
  if (bucket === 'day' || unit === 'hour') return [...rows];
  const days = new Map<number, RateOut>();
  for (const row of rows) {
    const at = new Date(1000 * row.start_s);
    at.setHours(0, 0, 0, 0);
    const start_s = at.getTime() / 1000;
    days.set(start_s, joined(days.get(start_s), { ...row, start_s }));
  }
  return [...days.values()];
}

function joined(a: RateOut | undefined, b: RateOut): RateOut {
  return a === undefined
    ? b
    : {
        start_s: a.start_s,
        ok: a.ok + b.ok,
        review: a.review + b.review,
        ng: a.ng + b.ng,
        invalid: a.invalid + b.invalid,
        reviewed: a.reviewed + b.reviewed,
        overruled: a.overruled + b.overruled,
      };
}

export const inspected = (row: RateOut): number => row.ok + row.review + row.ng + row.invalid;

/** Everything together. */
export function totalOf(rows: readonly RateOut[]): RateOut {
  const nothing = { start_s: 0, ok: 0, review: 0, ng: 0, invalid: 0, reviewed: 0, overruled: 0 };
  return rows.reduce((sum, row) => joined(sum, row), nothing);
}
