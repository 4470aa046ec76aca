/**
 * What thresholds make of evaluated images: verdicts, rates, costs, disagreements. The rule is
 * `score > threshold`; an image that could not be judged stays in every count.
 */

import { clopperPearson, type Interval } from '../../core/binomial';
import type { Label, Tested, Verdict } from './payload';

/** Decision points in deviation score, `review <= ng`. */
export type Points = { readonly review: number; readonly ng: number };

export const LEAST = 0.001;
export const MOST = 0.999;

/** Of a score; a model with too few normals never says ng, a person decides. */
export function verdictOf(score: number | null, points: Points, isProvisional: boolean): Verdict {
  if (score === null) return 'invalid';
  if (score > points.ng && !isProvisional) return 'ng';
  return score > points.review ? 'review' : 'ok';
}

/** Of an image: ng if any region is, else invalid if any is, else review if any is, else ok. */
export function verdictAt(one: Tested, points: Points, isProvisional = false): Verdict {
  const verdict = verdictOf(one.deviation_score, points, isProvisional);
  if (verdict === 'ng') return 'ng';
  return one.regions.some((region) => region.verdict === 'invalid') ? 'invalid' : verdict;
}

export type Judged = { readonly one: Tested; readonly verdict: Verdict };

/**
 * Every image judged anew. Where the points are the model's own its verdicts stand: they come from
 * scores before they were rounded.
 */
export function judge(
  images: readonly Tested[],
  points: Points,
  own: Points,
  isProvisional = false,
): readonly Judged[] {
  const isOwn = points.review === own.review && points.ng === own.ng;
  return images.map((one) => ({
    one,
    verdict: isOwn ? one.verdict : verdictAt(one, points, isProvisional),
  }));
}

export type Counts = Readonly<Record<Verdict, number>> & { readonly n: number };

export function countsOf(judged: readonly Judged[], label: Label): Counts {
  const found = { ok: 0, review: 0, ng: 0, invalid: 0, n: 0 };
  for (const { one, verdict } of judged) {
    if (one.label !== label) continue;
    found[verdict]++;
    found.n++;
  }
  return found;
}

export type Rate = {
  readonly k: number;
  readonly n: number;
  readonly value: number | null;
  readonly interval: Interval | null;
};

export function rateOf(k: number, n: number): Rate {
  return { k, n, value: n > 0 ? k / n : null, interval: clopperPearson(k, n) };
}

export type Rates = { readonly miss: Rate; readonly falseAlarm: Rate; readonly review: Rate };

/** An invalid defect is missed; an invalid good image is no false alarm, and stays in the count. */
export function ratesOf(good: Counts, bad: Counts): Rates {
  return {
    miss: rateOf(bad.ok + bad.invalid, bad.n),
    falseAlarm: rateOf(good.ng + good.review, good.n),
    review: rateOf(good.review + bad.review, good.n + bad.n),
  };
}

export type Costs = {
  readonly miss: number;
  readonly falseAlarm: number;
  readonly review: number;
  /** Share of all parts. */
  readonly defectRate: number;
};

export const PER = 1000;

/**
 * What this many parts cost, classes weighted by the share of defective parts; null where a class
 * has no image. A good image that could not be judged costs a false alarm, a defective one a miss.
 */
export function costPer(costs: Costs, good: Counts, bad: Counts, per = PER): number | null {
  if (good.n === 0 || bad.n === 0) return null;
  const ofGood = costs.falseAlarm * (good.ng + good.invalid) + costs.review * good.review;
  const ofBad = costs.miss * (bad.ok + bad.invalid) + costs.review * bad.review;
  const d = costs.defectRate;
  return per * ((1 - d) * (ofGood / good.n) + d * (ofBad / bad.n));
}

export type RocPoint = {
  readonly falseAlarm: number;
  readonly detection: number;
  readonly at: number;
};

/** From stopping none to stopping all that could be judged, by the threshold of review. */
export function rocOf(images: readonly Tested[]): readonly RocPoint[] {
  const n = { ok: 0, ng: 0 };
  for (const one of images) n[one.label]++;
  if (n.ok === 0 || n.ng === 0) return [];
  const sorted = images
    .flatMap(({ label, deviation_score: score }) => (score === null ? [] : { label, score }))
    .sort((a, b) => b.score - a.score);
  const above = { ok: 0, ng: 0 };
  const points: RocPoint[] = [];
  sorted.forEach(({ label, score }, i) => {
    if (score !== sorted[i - 1]?.score)
      points.push({ falseAlarm: above.ok / n.ok, detection: above.ng / n.ng, at: score });
    above[label]++;
  });
  return [...points, { falseAlarm: above.ok / n.ok, detection: above.ng / n.ng, at: -1 }];
}

export type Disagreement = Judged & {
  readonly kind: 'miss' | 'false_alarm';
  /** How far the score lies on the wrong side; null = could not be judged. */
  readonly by: number | null;
};

/** Where label and verdict differ, what is furthest off first. */
export function disagreements(judged: readonly Judged[], points: Points): readonly Disagreement[] {
  const found: Disagreement[] = [];
  for (const { one, verdict } of judged) {
    const isStopped = verdict === 'ng' || verdict === 'review';
    const score = one.deviation_score;
    const by = score === null ? null : Math.abs(score - points.review);
    if (one.label === 'ng' && !isStopped)
      found.push({ one, verdict, kind: 'miss', by: verdict === 'invalid' ? null : by });
    if (one.label === 'ok' && isStopped) found.push({ one, verdict, kind: 'false_alarm', by });
  }
  const far = (d: Disagreement) => d.by ?? Number.POSITIVE_INFINITY;
  return found.sort((a, b) => far(b) - far(a) || a.one.image.localeCompare(b.one.image));
}

/** Moves one threshold; the other gives way, so that review stays at or below ng. */
export function moved(points: Points, which: keyof Points, to: number): Points {
  const at = Math.min(MOST, Math.max(LEAST, Math.round(to * 1000) / 1000));
  return which === 'review'
    ? { review: at, ng: Math.max(points.ng, at) }
    : { review: Math.min(points.review, at), ng: at };
}
