/** What every chart has: measured width, title, key to its colours, and its figures as a table. */

import { type ReactNode, useEffect, useRef, useState } from 'react';
import { t } from '../../texts';
import './charts.css';

export type Tone = 'ok' | 'warn' | 'ng' | 'accent' | 'muted';
export type KeyEntry = { readonly key: string; readonly name: string; readonly tone: Tone };

type ChartFrameProps = {
  readonly title: string;
  /** Where a heading above says it already. */
  readonly isTitleHidden?: boolean | undefined;
  readonly entries: readonly KeyEntry[];
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
  /** The drawing, given its width in CSS pixels. */
  readonly children: (width: number) => ReactNode;
};

export function ChartFrame(props: ChartFrameProps) {
  const { title, isTitleHidden = false, entries, columns, rows, children } = props;
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return (
    <figure className="chart">
      <figcaption>
        <span className={isTitleHidden ? 'visually-hidden' : 'chart-title'}>{title}</span>
        {entries.map((entry) => (
          <span key={entry.key} className="chart-key">
            <svg width="14" height="10" aria-hidden="true">
              <rect width="14" height="10" rx="2" className={`chart-fill-${entry.tone}`} />
            </svg>
            {entry.name}
          </span>
        ))}
      </figcaption>
      <div ref={frame} className="chart-drawing">
        {width > 0 && children(width)}
      </div>
      <details className="chart-table">
        <summary>{t.charts.asTable}</summary>
        <table className="table">
          <caption className="visually-hidden">{title}</caption>
          <thead>
            <tr>
              {columns.map((name) => (
                <th key={name} scope="col" className="number">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.join(' ')}>
                {row.map((cell, i) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: columns do not move
                  <td key={i} className="number">
                    {cell}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </figure>
  );
}

type AxisProps = {
  readonly ticks: readonly number[];
  readonly place: (value: number) => number;
  readonly label: string;
  readonly text?: (value: number) => string;
};

/** Along the bottom, from x `from` to `to`, at y `at`. */
export function BottomAxis(props: AxisProps & { at: number; from: number; to: number }) {
  const { ticks, place, label, text = String, at, from, to } = props;
  return (
    <g className="chart-axis">
      <line x1={from} x2={to} y1={at} y2={at} />
      {ticks.map((tick) => (
        <g key={tick}>
          <line x1={place(tick)} x2={place(tick)} y1={at} y2={at + 4} />
          <text x={place(tick)} y={at + 17} textAnchor="middle">
            {text(tick)}
          </text>
        </g>
      ))}
      <text x={(from + to) / 2} y={at + 34} textAnchor="middle">
        {label}
      </text>
    </g>
  );
}

/** Along the left, from y `from` to `to`, at x `at`, with lines across to x `across`. */
export function LeftAxis(
  props: AxisProps & { at: number; from: number; to: number; across: number },
) {
  const { ticks, place, label, text = String, at, from, to, across } = props;
  const middle = (from + to) / 2;
  return (
    <g className="chart-axis">
      {ticks.map((tick) => (
        <g key={`${tick} ${place(tick)}`}>
          <line className="chart-grid" x1={at} x2={across} y1={place(tick)} y2={place(tick)} />
          <text x={at - 6} y={place(tick) + 4} textAnchor="end">
            {text(tick)}
          </text>
        </g>
      ))}
      <text transform={`translate(12 ${middle}) rotate(-90)`} textAnchor="middle">
        {label}
      </text>
    </g>
  );
}
