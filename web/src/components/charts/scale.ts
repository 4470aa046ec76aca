/** From values to places on a chart. */

export type Domain = readonly [low: number, high: number];

/** Straight line from a domain to pixels. */
export function scaleOf([low, high]: Domain, [from, to]: Domain) {
  const span = high - low || 1;
  return {
    place: (value: number): number => from + ((value - low) / span) * (to - from),
    value: (place: number): number => low + ((place - from) / (to - from || 1)) * span,
  };
}

/** Round numbers inside a domain, at most this many. */
export function ticksOf([low, high]: Domain, most = 6): number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((one) => one * power >= rough) ?? 10);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => trimmed((first + i) * step));
}

/** Whole counts only. */
export const countTicks = (highest: number, most = 4): number[] =>
  ticksOf([0, Math.max(1, highest)], most).filter(Number.isInteger);

/** Without the digits that binary rounding leaves. */
const trimmed = (value: number): number => Number(value.toPrecision(12));

export type Bin = { readonly from: number; readonly to: number; readonly count: number };

/** Counts in bins of equal width; values outside go into the outer ones. */
export function binsOf(values: readonly number[], [low, high]: Domain, bins: number): Bin[] {
  const width = (high - low) / bins;
  const counts = new Array<number>(bins).fill(0);
  for (const value of values) {
    const at = Math.min(bins - 1, Math.max(0, Math.floor((value - low) / width)));
    counts[at] = (counts[at] ?? 0) + 1;
  }
  return counts.map((count, i) => ({
    from: trimmed(low + i * width),
    to: trimmed(low + (i + 1) * width),
    count,
  }));
}
