/** What the list is narrowed to, and what of it can become good images. */

import type { InspectionBrief } from '../../api/schema';
import type { InspectionFilter } from '../../data/inspections';

export const VERDICT_CHOICES = ['all', 'ok', 'review', 'ng', 'invalid'] as const;
export const JUDGED_CHOICES = ['all', 'open', 'ok', 'ng', 'overruled'] as const;
export const TIME_CHOICES = ['all', 'hour', 'day', 'week'] as const;

export type ListFilter = {
  readonly verdict: (typeof VERDICT_CHOICES)[number];
  readonly judged: (typeof JUDGED_CHOICES)[number];
  readonly time: (typeof TIME_CHOICES)[number];
  readonly part: string;
  readonly line: string;
  readonly model: string;
};

export const NO_FILTER: ListFilter = {
  verdict: 'all',
  judged: 'all',
  time: 'all',
  part: '',
  line: '',
  model: '',
};

const SPAN_S = { hour: 3600, day: 86_400, week: 604_800 } as const;
const MINUTE_S = 60;

/** As the server takes it; whole minutes, so that the same question has the same answer. */
export function queryOf(filter: ListFilter, nowS: number): InspectionFilter {
  const { verdict, judged, time, part, line, model } = filter;
  const review = judged === 'overruled' ? 'ok' : judged;
  return {
    ...(verdict === 'all' ? {} : { verdict }),
    ...(review === 'open' ? { open: true } : {}),
    ...(review === 'ok' || review === 'ng' ? { review } : {}),
    ...(time === 'all' ? {} : { from_s: Math.floor((nowS - SPAN_S[time]) / MINUTE_S) * MINUTE_S }),
    ...(part ? { part_id: part } : {}),
    ...(line ? { line } : {}),
    ...(model ? { model_id: model } : {}),
  };
}

type Judged = Pick<InspectionBrief, 'verdict' | 'review'>;

export const isOverruled = ({ verdict, review }: Judged): boolean =>
  review === 'ok' && (verdict === 'ng' || verdict === 'review');

/** The server can ask for what people called good; that the model stopped it is seen here. */
export const fits = (filter: ListFilter, item: Judged): boolean =>
  filter.judged !== 'overruled' || isOverruled(item);

export const canLearn = (item: InspectionBrief): boolean =>
  isOverruled(item) && item.learned_image_id === null && !item.image_gone;
