/** Lines over an axis, each with a band around it where there is one, and one marked place. */

import { BottomAxis, ChartFrame, LeftAxis, type Tone } from './ChartFrame';
import { type Domain, scaleOf, ticksOf } from './scale';

export type CurvePoint = {
  readonly x: number;
  readonly y: number;
  readonly low?: number;
  readonly high?: number;
};

export type Line = {
  readonly key: string;
  readonly name: string;
  readonly tone: Tone;
  readonly points: readonly CurvePoint[];
};

type CurveProps = {
  readonly title: string;
  readonly isTitleHidden?: boolean;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly xDomain: Domain;
  readonly yDomain: Domain;
  readonly lines: readonly Line[];
  readonly height?: number;
  /** The present point. */
  readonly marker?: { readonly x: number; readonly y: number; readonly name: string };
  readonly text?: (value: number) => string;
};

const LEFT = 56;
const RIGHT = 16;
const TOP = 10;
const BELOW = 42;

export function Curve(props: CurveProps) {
  const { lines, marker, height = 240, text = String, xDomain, yDomain } = props;
  const hasBand = lines.some((line) => line.points.some((point) => point.low !== undefined));
  const rows = lines.flatMap((line) =>
    line.points.map((point) => [
      text(short(point.x)),
      text(short(point.y)),
      ...(hasBand ? [`${short(point.low ?? point.y)} – ${short(point.high ?? point.y)}`] : []),
    ]),
  );
  return (
    <ChartFrame
      title={props.title}
      isTitleHidden={props.isTitleHidden}
      entries={lines.length > 1 ? lines : []}
      columns={[props.xLabel, props.yLabel, ...(hasBand ? ['80 %'] : [])]}
      rows={rows}
    >
      {(width) => {
        const x = scaleOf(xDomain, [LEFT, width - RIGHT]);
        const y = scaleOf(yDomain, [height - BELOW, TOP]);
        const at = (px: number, py: number) =>
          `${x.place(px).toFixed(1)},${y.place(py).toFixed(1)}`;
        return (
          <svg width={width} height={height} role="img" aria-label={props.title}>
            <LeftAxis
              ticks={ticksOf(yDomain, 5)}
              place={y.place}
              text={text}
              label={props.yLabel}
              at={LEFT}
              from={TOP}
              to={height - BELOW}
              across={width - RIGHT}
            />
            <BottomAxis
              ticks={ticksOf(xDomain, width > 420 ? 8 : 4)}
              place={x.place}
              text={text}
              label={props.xLabel}
              at={height - BELOW}
              from={LEFT}
              to={width - RIGHT}
            />
            {lines.map((line) => (
              <g key={line.key}>
                <polygon
                  className={`chart-band chart-fill-${line.tone}`}
                  points={[
                    ...line.points.map((p) => at(p.x, p.high ?? p.y)),
                    ...line.points.toReversed().map((p) => at(p.x, p.low ?? p.y)),
                  ].join(' ')}
                />
                <polyline
                  className={`chart-line chart-line-${line.tone}`}
                  points={line.points.map((p) => at(p.x, p.y)).join(' ')}
                />
              </g>
            ))}
            {marker && (
              <g className="chart-mark">
                <circle cx={x.place(marker.x)} cy={y.place(marker.y)} r={6} />
                <text x={x.place(marker.x) + 10} y={y.place(marker.y) + 16}>
                  {marker.name}
                </text>
              </g>
            )}
          </svg>
        );
      }}
    </ChartFrame>
  );
}

const short = (value: number): number => Number(value.toPrecision(4));
