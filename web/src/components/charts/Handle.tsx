/** A line across a chart that can be dragged: by mouse, touch or the arrow keys. */

import { type KeyboardEvent, type PointerEvent, useRef } from 'react';

export type HandleProps = {
  readonly name: string;
  readonly value: number;
  readonly valueText: string;
  readonly least: number;
  readonly most: number;
  readonly step: number;
  readonly onChange: (value: number) => void;
  readonly tone: 'warn' | 'bad';
};

type Placed = HandleProps & {
  readonly x: number;
  readonly top: number;
  readonly bottom: number;
  /** Where the grip sits, so that two handles at one place can both be taken. */
  readonly grip: 'top' | 'bottom';
  /** From a place in CSS pixels of the drawing to a value. */
  readonly valueAt: (x: number) => number;
};

const GRIP_W = 62;
export const GRIP_H = 24;

export function Handle(props: Placed) {
  const { x, top, bottom, grip, value, least, most, onChange } = props;
  const group = useRef<SVGGElement>(null);
  const y = grip === 'top' ? top : bottom - GRIP_H;
  const drag = (event: PointerEvent) => {
    if (!group.current?.hasPointerCapture(event.pointerId)) return;
    const frame = group.current.ownerSVGElement?.getBoundingClientRect();
    if (frame) onChange(props.valueAt(event.clientX - frame.left));
  };
  const press = (event: KeyboardEvent) => {
    const to = keyed(event, props);
    if (to === null) return;
    event.preventDefault();
    onChange(to);
  };
  return (
    <g
      ref={group}
      className={`chart-handle chart-handle-${props.tone}`}
      role="slider"
      tabIndex={0}
      aria-label={props.name}
      aria-valuemin={least}
      aria-valuemax={most}
      aria-valuenow={Number(value.toFixed(3))}
      aria-valuetext={props.valueText}
      onKeyDown={press}
      onPointerDown={(event) => {
        group.current?.setPointerCapture(event.pointerId);
        group.current?.focus();
      }}
      onPointerMove={drag}
    >
      <line x1={x} x2={x} y1={top} y2={bottom} />
      <rect className="chart-reach" x={x - 8} width={16} y={top} height={bottom - top} />
      <rect className="chart-grip" x={x - GRIP_W / 2} width={GRIP_W} y={y} height={GRIP_H} rx={5} />
      <text x={x} y={y + 16} textAnchor="middle">
        {props.name}
      </text>
    </g>
  );
}

/** Where a key leads; null = it does nothing here. */
function keyed(event: KeyboardEvent, { value, step, least, most }: HandleProps): number | null {
  const by = event.shiftKey ? 10 * step : step;
  switch (event.key) {
    case 'ArrowLeft':
    case 'ArrowDown':
      return value - by;
    case 'ArrowRight':
    case 'ArrowUp':
      return value + by;
    case 'PageDown':
      return value - 10 * step;
    case 'PageUp':
      return value + 10 * step;
    case 'Home':
      return least;
    case 'End':
      return most;
    default:
      return null;
  }
}
