/** Share of defects found over their size, with its band, the trials and the sizes that matter. */

import { BottomAxis, ChartFrame, LeftAxis } from '../../components/charts/ChartFrame';
import { scaleOf } from '../../components/charts/scale';
import { t } from '../../texts';
import type { PodCurveData } from './payloads';
import { sizeTicks } from './payloads';

const texts = t.quality.pod;
const LEFT = 56;
const RIGHT = 16;
const TOP = 40;
const BELOW = 42;
const HEIGHT = 300;
const SHARES = [0, 0.25, 0.5, 0.75, 0.9, 1];

type PodCurveProps = {
  readonly title: string;
  readonly found: PodCurveData;
  readonly askedPx: number;
};

export function PodCurve({ title, found, askedPx }: PodCurveProps) {
  const { curve, points } = found;
  const sizes = [...(curve?.size_px ?? []), ...points.map((one) => one.size_px), askedPx];
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)];
  return (
    <ChartFrame
      title={title}
      entries={[]}
      columns={[texts.size, texts.trials, texts.share]}
      rows={points.map((one) => [
        one.size_px.toPrecision(3),
        one.trials,
        t.common.percent(one.hits / one.trials),
      ])}
    >
      {(width) => {
        const log = scaleOf([Math.log(least), Math.log(most)], [LEFT, width - RIGHT]);
        const x = (size: number) => log.place(Math.log(size));
        const y = scaleOf([0, 1], [HEIGHT - BELOW, TOP]).place;
        return (
          <svg width={width} height={HEIGHT} role="img" aria-label={title}>
            <LeftAxis
              ticks={SHARES}
              place={y}
              text={t.common.percent}
              label={texts.share}
              at={LEFT}
              from={TOP}
              to={HEIGHT - BELOW}
              across={width - RIGHT}
            />
            <BottomAxis
              ticks={sizeTicks(least, most)}
              place={x}
              label={texts.size}
              at={HEIGHT - BELOW}
              from={LEFT}
              to={width - RIGHT}
            />
            {curve && <Fitted curve={curve} x={x} y={y} />}
            {points.map((one) => (
              <circle
                key={one.size_px}
                className="pod-point"
                cx={x(one.size_px)}
                cy={y(one.hits / one.trials)}
                r={2 + Math.min(5, Math.sqrt(one.trials) / 2)}
              >
                <title>{`${one.size_px.toPrecision(3)} px: ${one.hits} / ${one.trials}`}</title>
              </circle>
            ))}
            <Marks found={found} askedPx={askedPx} x={x} />
          </svg>
        );
      }}
    </ChartFrame>
  );
}

type Place = (value: number) => number;

function Fitted(props: { curve: NonNullable<PodCurveData['curve']>; x: Place; y: Place }) {
  const { curve, x, y } = props;
  const at = (values: readonly number[]) =>
    curve.size_px.map((size, i) => `${x(size).toFixed(1)},${y(values[i] ?? 0).toFixed(1)}`);
  return (
    <>
      <polygon
        className="chart-band chart-fill-accent"
        points={[...at(curve.high), ...at(curve.low).toReversed()].join(' ')}
      />
      <polyline className="chart-line" points={at(curve.pod).join(' ')} />
    </>
  );
}

/** Sizes as lines across; their names stand above, one beside the other where they are near. */
function Marks({ found, askedPx, x }: { found: PodCurveData; askedPx: number; x: Place }) {
  const marks = [
    { name: texts.columns.a90, size: found.a90 },
    { name: texts.columns.a90_95, size: found.a90_95 },
    { name: texts.askedMark, size: askedPx },
  ];
  return marks.map(({ name, size }, i) =>
    size === null ? null : (
      <g key={name} className="chart-mark">
        <line x1={x(size)} x2={x(size)} y1={TOP} y2={HEIGHT - BELOW} />
        <text x={x(size)} y={i === 2 ? 12 : 28} textAnchor={i === 0 ? 'end' : 'middle'}>
          {name}
        </text>
      </g>
    ),
  );
}
