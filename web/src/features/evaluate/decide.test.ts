import { describe, expect, it } from 'vitest';
import truth from '../../core/fixtures/operating.json';
import {
  costPer,
  countsOf,
  disagreements,
  judge,
  moved,
  type Points,
  ratesOf,
  rocOf,
  verdictAt,
} from './decide';
import { plainName, readEvaluation, type Tested, type Verdict } from './payload';

const OWN: Points = { review: 0.42, ng: 0.42 };

function tested(label: 'ok' | 'ng', score: number | null, verdict: Verdict = 'ok'): Tested {
  const region = { id: 'r', name: 'R', reason: null, defects: [] };
  return {
    image: `${label}-${score}`,
    image_id: null,
    label,
    defect_type: label,
    verdict,
    deviation_score: score,
    regions: [{ ...region, verdict: score === null ? 'invalid' : verdict, deviation_score: score }],
  };
}

const images = [
  ...truth.good.map((score) => tested('ok', score)),
  ...truth.bad.map((score) => tested('ng', score)),
];

describe('against Python', () => {
  it.each(truth.cases)('verdicts and costs at $review and $ng', (one) => {
    const judged = judge(images, one, OWN);
    const [good, bad] = [countsOf(judged, 'ok'), countsOf(judged, 'ng')];
    // Python counts a good image that could not be judged as ng, a defective one as ok.
    expect([good.ng + good.invalid, good.review, good.ok, good.n]).toEqual([
      one.good.ng,
      one.good.review,
      one.good.ok,
      one.good.n,
    ]);
    expect([bad.ng, bad.review, bad.ok + bad.invalid]).toEqual([
      one.bad.ng,
      one.bad.review,
      one.bad.ok,
    ]);
    expect(costPer(truth.costs, good, bad)).toBeCloseTo(one.cost, 9);
  });

  it('the area under the curve is the AUROC', () => {
    const roc = rocOf(images.filter((one) => one.deviation_score !== null));
    const area = roc.slice(1).reduce((sum, point, i) => {
      const before = roc[i] ?? point;
      const width = point.falseAlarm - before.falseAlarm;
      return sum + (width * (point.detection + before.detection)) / 2;
    }, 0);
    expect(area).toBeCloseTo(truth.auroc, 12);
  });
});

it('a score at the threshold is ok', () => {
  expect(verdictAt(tested('ng', 0.5), { review: 0.5, ng: 0.5 })).toBe('ok');
  expect(verdictAt(tested('ng', 0.500001), { review: 0.5, ng: 0.5 })).toBe('ng');
  expect(verdictAt(tested('ng', 0.500001), { review: 0.5, ng: 0.6 })).toBe('review');
});

it('ng stands over a region that could not be judged, review does not', () => {
  const half = tested('ng', 0.7);
  const both = {
    ...half,
    regions: [
      ...half.regions,
      { id: 's', name: 'S', verdict: 'invalid', deviation_score: null, reason: null, defects: [] },
    ],
  } as Tested;
  expect(verdictAt(both, { review: 0.5, ng: 0.6 })).toBe('ng');
  expect(verdictAt(both, { review: 0.5, ng: 0.8 })).toBe('invalid');
});

it('a provisional model leaves ng to a person', () => {
  const points = { review: 0.5, ng: 0.6 };
  expect(verdictAt(tested('ng', 0.9), points, true)).toBe('review');
  expect(verdictAt(tested('ng', 0.4), points, true)).toBe('ok');
});

it("the model's own verdicts stand at its own points", () => {
  const close = tested('ng', 0.42, 'ng'); // rounded; it was above
  expect(judge([close], OWN, OWN)[0]?.verdict).toBe('ng');
  expect(judge([close], { review: 0.4, ng: 0.42 }, OWN)[0]?.verdict).toBe('review');
});

it('rates count what could not be judged, and nothing of nothing is no rate', () => {
  const judged = judge([tested('ng', null), tested('ng', 0.9), tested('ok', null)], OWN, {
    review: 0.5,
    ng: 0.5,
  });
  const rates = ratesOf(countsOf(judged, 'ok'), countsOf(judged, 'ng'));
  expect(rates.miss).toMatchObject({ k: 1, n: 2, value: 0.5 });
  expect(rates.falseAlarm).toMatchObject({ k: 0, n: 1, value: 0 });
  const none = countsOf([], 'ok');
  expect(ratesOf(none, none).miss).toMatchObject({ value: null, interval: null });
  expect(costPer(truth.costs, none, none)).toBeNull();
});

it('disagreements are sorted by how far off they are', () => {
  const points = { review: 0.5, ng: 0.8 };
  const judged = judge(
    [
      tested('ok', 0.6),
      tested('ok', 0.95),
      tested('ng', 0.4),
      tested('ng', 0.9),
      tested('ok', 0.1),
      tested('ng', null),
    ],
    points,
    OWN,
  );
  const found = disagreements(judged, points);
  expect(found.map((d) => [d.kind, d.verdict, d.by])).toEqual([
    ['miss', 'invalid', null],
    ['false_alarm', 'ng', expect.closeTo(0.45)],
    ['miss', 'ok', expect.closeTo(0.1)],
    ['false_alarm', 'review', expect.closeTo(0.1)],
  ]);
});

it('review never passes ng', () => {
  expect(moved({ review: 0.3, ng: 0.5 }, 'review', 0.7)).toEqual({ review: 0.7, ng: 0.7 });
  expect(moved({ review: 0.3, ng: 0.5 }, 'ng', 0.2)).toEqual({ review: 0.2, ng: 0.2 });
  expect(moved({ review: 0.3, ng: 0.5 }, 'ng', 2)).toEqual({ review: 0.3, ng: 0.999 });
});

it('an evaluation keeps apart what could not be read', () => {
  const read = readEvaluation({
    images: [tested('ok', 0.1), { image: 'x', error: { code: 'image_decode', message: 'no' } }],
  });
  expect(read.images).toHaveLength(1);
  expect(read.unread).toEqual([{ image: 'x', message: 'no' }]);
  expect(plainName('0123456789ab_board_1.png')).toBe('board_1.png');
  expect(plainName('board_1.png')).toBe('board_1.png');
});
