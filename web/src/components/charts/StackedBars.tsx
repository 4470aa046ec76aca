/** Counts over time: one bar a step, one part of it a kind. */

import { BottomAxis, ChartFrame, LeftAxis, type Tone } from './ChartFrame';
import './stacked.css';
import { countTicks, scaleOf } from './scale';

export type Stack = {
  readonly key: string;
  /** Under the bar, short. */
  readonly name: string;
  /** In the table and on hover. */
  readonly title: string;
  /** As many as there are series, from the bottom up. */
  readonly values: readonly number[];
};

type StackedBarsProps = {
  readonly title: string;
  readonly isTitleHidden?: boolean | undefined;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly { readonly key: string; readonly name: string; readonly tone: Tone }[];
  readonly stacks: readonly Stack[];
  readonly height?: number;
};

const LEFT = 52;
const RIGHT = 12;
const TOP = 10;
const BELOW = 42;
const NAME_PX = 62;
const GAP_SHARE = 0.25;

export function StackedBars(props: StackedBarsProps) {
  const { title, series, stacks, height = 260 } = props;
  const totals = stacks.map((stack) => stack.values.reduce((sum, value) => sum + value, 0));
  const highest = Math.max(1, ...totals);
  return (
    <div className="chart-stacks">
      <ChartFrame
        title={title}
        isTitleHidden={props.isTitleHidden}
        entries={series}
        columns={[props.xLabel, ...series.map((one) => one.name)]}
        rows={stacks.map((stack) => [stack.title, ...stack.values])}
      >
        {(width) => {
          const y = scaleOf([0, highest], [height - BELOW, TOP]);
          const step = (width - LEFT - RIGHT) / Math.max(1, stacks.length);
          const every = Math.max(1, Math.ceil(NAME_PX / step));
          const named = stacks.flatMap((_, i) => (i % every === 0 ? i : []));
          return (
            <svg width={width} height={height} role="img" aria-label={title}>
              <LeftAxis
                ticks={countTicks(highest)}
                place={y.place}
                label={props.yLabel}
                at={LEFT}
                from={TOP}
                to={height - BELOW}
                across={width - RIGHT}
              />
              {stacks.map((stack, i) => (
                <Bar
                  key={stack.key}
                  stack={stack}
                  series={series}
                  x={LEFT + i * step}
                  step={step}
                  place={y.place}
                />
              ))}
              <BottomAxis
                ticks={named}
                place={(i) => LEFT + (i + 0.5) * step}
                text={(i) => stacks[i]?.name ?? ''}
                label={props.xLabel}
                at={height - BELOW}
                from={LEFT}
                to={width - RIGHT}
              />
            </svg>
          );
        }}
      </ChartFrame>
    </div>
  );
}

type BarProps = {
  readonly stack: Stack;
  readonly series: StackedBarsProps['series'];
  readonly x: number;
  readonly step: number;
  readonly place: (value: number) => number;
};

function Bar({ stack, series, x, step, place }: BarProps) {
  let below = 0;
  const gap = Math.min(8, GAP_SHARE * step);
  const words = series.map((one, i) => `${one.name} ${stack.values[i] ?? 0}`).join(', ');
  return (
    <g className="chart-stack">
      <title>{`${stack.title}: ${words}`}</title>
      <rect x={x} y={0} width={step} height={place(0)} fill="transparent" />
      {series.map((one, i) => {
        const value = stack.values[i] ?? 0;
        const [top, bottom] = [place(below + value), place(below)];
        below += value;
        return value === 0 ? null : (
          <rect
            key={one.key}
            className={`chart-fill-${one.tone}`}
            x={x + gap / 2}
            y={top}
            width={Math.max(1, step - gap)}
            height={Math.max(1, bottom - top)}
          />
        );
      })}
    </g>
  );
}
