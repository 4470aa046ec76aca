/** Exact binomial intervals, as `offspec.guarantee.clopper_pearson` gives them. */

export type Interval = { readonly low: number; readonly high: number };

const LANCZOS: readonly [number, ...number[]] = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313,
  -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6,
  1.5056327351493116e-7,
];

/** Natural logarithm of the gamma function for x >= 0.5 (Lanczos, g = 7). */
function logGamma(x: number): number {
  const z = x - 1;
  const base = z + 7.5;
  const sum = LANCZOS.slice(1).reduce((all, c, i) => all + c / (z + i + 1), LANCZOS[0]);
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(base) - base + Math.log(sum);
}

const TINY = 1e-300;
const MOST_STEPS = 100_000;

/** Continued fraction of the incomplete beta function (Lentz' method). */
function betaFraction(a: number, b: number, x: number): number {
  let c = 1;
  let d = 1 / notZero(1 - ((a + b) * x) / (a + 1));
  let all = d;
  for (let m = 1; m < MOST_STEPS; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / notZero(1 + even * d);
    c = notZero(1 + even / c);
    all *= c * d;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / notZero(1 + odd * d);
    c = notZero(1 + odd / c);
    all *= c * d;
    if (Math.abs(c * d - 1) < 1e-15) break;
  }
  return all;
}

const notZero = (v: number): number => (Math.abs(v) < TINY ? TINY : v);

/** Regularised incomplete beta function, a and b >= 0.5. */
function betaShare(a: number, b: number, x: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const log = logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x);
  return x < (a + 1) / (a + b + 2)
    ? (Math.exp(log) * betaFraction(a, b, x)) / a
    : 1 - (Math.exp(log) * betaFraction(b, a, 1 - x)) / b;
}

/** The x at which that function reaches a share, by halving. */
function betaQuantile(a: number, b: number, share: number): number {
  let low = 0;
  let high = 1;
  for (let step = 0; step < 200 && high - low > 1e-15 * high; step++) {
    const middle = (low + high) / 2;
    if (betaShare(a, b, middle) < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Exact two-sided interval for k of n; null where there is nothing to count. */
export function clopperPearson(k: number, n: number, confidence = 0.95): Interval | null {
  if (!(n >= 1 && k >= 0 && k <= n)) return null;
  const tail = (1 - confidence) / 2;
  return {
    low: k === 0 ? 0 : betaQuantile(k, n - k + 1, tail),
    high: k === n ? 1 : betaQuantile(k + 1, n - k, 1 - tail),
  };
}
