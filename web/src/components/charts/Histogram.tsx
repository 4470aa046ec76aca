/** How many values lie where: two groups above and below one axis, or stacked. */

import { t } from '../../texts';
import { BottomAxis, ChartFrame, LeftAxis, type Tone } from './ChartFrame';
import { GRIP_H, Handle, type HandleProps } from './Handle';
import { type Bin, binsOf, countTicks, type Domain, scaleOf, ticksOf } from './scale';

export type Group = {
  readonly key: string;
  readonly name: string;
  readonly tone: Tone;
  readonly values: readonly number[];
};

type HistogramProps = {
  readonly title: string;
  readonly isTitleHidden?: boolean;
  readonly xLabel: string;
  readonly domain: Domain;
  readonly bins?: number;
  readonly height?: number;
  /** One or two; `mirrored` draws the second one downwards. */
  readonly groups: readonly Group[];
  readonly look: 'mirrored' | 'stacked';
  /** The first has its grip at the top, the second at the bottom. */
  readonly handles?: readonly HandleProps[];
  /** A line that does not move. */
  readonly mark?: { readonly value: number; readonly name: string };
};

const LEFT = 46;
const RIGHT = 34;
const BELOW = 42;

export function Histogram(props: HistogramProps) {
  const { groups, domain, bins = 40, height = 260, look, handles = [] } = props;
  const binned = groups.map((group) => binsOf(group.values, domain, bins));
  const rows = (binned[0] ?? [])
    .map((bin, i) => [`${bin.from} – ${bin.to}`, ...binned.map((all) => all[i]?.count ?? 0)])
    .filter((row) => row.slice(1).some((count) => count !== 0));
  return (
    <ChartFrame
      title={props.title}
      isTitleHidden={props.isTitleHidden}
      entries={groups}
      columns={[props.xLabel, ...groups.map((group) => group.name)]}
      rows={rows}
    >
      {(width) => {
        const x = scaleOf(domain, [LEFT, width - RIGHT]);
        const grips = handles.length > 0 ? 34 : 12;
        const base = height - BELOW;
        const area = { top: grips, bottom: base - (handles.length > 1 ? 30 : 0) };
        return (
          <svg width={width} height={height} aria-label={props.title}>
            <Bars {...{ binned, groups, look, area, x: x.place, across: width - RIGHT }} />
            <BottomAxis
              ticks={ticksOf(domain, width > 420 ? 10 : 5)}
              place={x.place}
              label={props.xLabel}
              at={base}
              from={LEFT}
              to={width - RIGHT}
            />
            {props.mark && (
              <Mark {...props.mark} x={x.place(props.mark.value)} top={area.top} bottom={base} />
            )}
            {handles.map((handle, i) => (
              <Handle
                key={handle.name}
                {...handle}
                x={x.place(handle.value)}
                top={i === 0 ? 2 : 4 + GRIP_H}
                bottom={i === 0 && handles.length > 1 ? base - 4 - GRIP_H : base - 2}
                grip={i === 0 ? 'top' : 'bottom'}
                valueAt={x.value}
              />
            ))}
          </svg>
        );
      }}
    </ChartFrame>
  );
}

type BarsProps = {
  readonly binned: readonly (readonly Bin[])[];
  readonly groups: readonly Group[];
  readonly look: 'mirrored' | 'stacked';
  readonly area: { readonly top: number; readonly bottom: number };
  readonly x: (value: number) => number;
  readonly across: number;
};

function Bars({ binned, groups, look, area, x, across }: BarsProps) {
  const [first = [], second = []] = binned;
  const most = (bins: readonly Bin[]) => Math.max(1, ...bins.map((bin) => bin.count));
  const isMirrored = look === 'mirrored' && groups.length > 1;
  const sums = first.map((bin, i) => ({ ...bin, count: bin.count + (second[i]?.count ?? 0) }));
  const [up, down] = isMirrored ? [most(first), most(second)] : [most(sums), 0];
  const y = scaleOf([-down, up], [area.bottom, area.top]);
  const upTicks = countTicks(up, isMirrored ? 3 : 4);
  const ticks = [
    ...upTicks,
    ...(isMirrored ? countTicks(down, 3).flatMap((tick) => (tick > 0 ? -tick : [])) : []),
  ];
  return (
    <>
      <LeftAxis
        ticks={ticks}
        place={y.place}
        text={(value) => String(Math.abs(value))}
        label={t.charts.images}
        at={LEFT}
        from={area.top}
        to={area.bottom}
        across={across}
      />
      <g>
        {binned.map((bins, row) =>
          bins.map((bin, i) => {
            if (bin.count === 0) return null;
            const below = row > 0 && !isMirrored ? (first[i]?.count ?? 0) : 0;
            const end = isMirrored && row > 0 ? -bin.count : below + bin.count;
            const [top, bottom] = [y.place(Math.max(end, below)), y.place(Math.min(end, below))];
            return (
              <rect
                key={`${groups[row]?.key} ${bin.from}`}
                className={`chart-fill-${groups[row]?.tone}`}
                x={x(bin.from) + 0.5}
                width={Math.max(1, x(bin.to) - x(bin.from) - 1)}
                y={top}
                height={Math.max(1, bottom - top)}
              />
            );
          }),
        )}
        <line className="chart-zero" x1={LEFT} x2={across} y1={y.place(0)} y2={y.place(0)} />
      </g>
    </>
  );
}

type MarkProps = { readonly name: string; readonly x: number; top: number; bottom: number };

function Mark({ name, x, top, bottom }: MarkProps) {
  return (
    <g className="chart-mark">
      <line x1={x} x2={x} y1={top} y2={bottom} />
      <text x={x + 5} y={top + 12}>
        {name}
      </text>
    </g>
  );
}
