/** Outlines, handles and what a tool is drawing, in screen pixels. */

import { type CSSProperties, useId } from 'react';
import {
  type Defect,
  type Document,
  type Element,
  elements,
  findElement,
  type Region,
  verdictOf,
} from '../core/document';
import {
  boundsOf,
  outline,
  type Point,
  type Points,
  type Shape,
  type Size,
} from '../core/geometry';
import type { Label } from '../core/sidecar';
import type { Preview } from './tools';
import { gripsOf } from './tools/select';
import { toScreen, type View } from './view';

const GRIP_PX = 9;

type OverlayProps = {
  readonly doc: Document;
  readonly selection: readonly string[];
  readonly preview: Preview | null;
  readonly view: View;
  readonly screen: Size;
  readonly cross: Point | null;
  readonly hasGrips: boolean;
  readonly tagOf: (element: Element) => string;
};

export function Overlay(props: OverlayProps) {
  const { doc, selection, preview, view, screen, cross } = props;
  const all = elements(doc);
  const hatch = useId(); // two pages may have a drawing
  const single = selection.length === 1 ? findElement(doc, selection[0] ?? '') : null;
  return (
    <svg
      className="overlay"
      width={screen.width}
      height={screen.height}
      aria-hidden="true"
      style={{ '--hatch': `url(#${hatch})` } as CSSProperties}
    >
      <defs>
        <pattern
          id={hatch}
          width="7"
          height="7"
          patternUnits="userSpaceOnUse"
          patternTransform="rotate(45)"
        >
          <line className="hatch-line" x1="0" y1="0" x2="0" y2="7" />
        </pattern>
      </defs>
      {all.map((element) => (
        <Outline
          key={element.drawn.key}
          element={element}
          view={view}
          isSelected={selection.includes(element.drawn.key)}
          verdict={element.role === 'region' ? verdictOf(doc, element.drawn as Region) : null}
        />
      ))}
      {all.map((element) => (
        <NameTag
          key={element.drawn.key}
          element={element}
          text={props.tagOf(element)}
          view={view}
        />
      ))}
      {props.hasGrips && single && !single.owner?.locked && <Grips element={single} view={view} />}
      {preview && <InTheMaking preview={preview} view={view} />}
      {cross && <Crosshair at={toScreen(view, cross)} screen={screen} />}
    </svg>
  );
}

function pathOf(points: Points, view: View, isOpen = false): string {
  const corners = points.map((p) =>
    toScreen(view, p)
      .map((v) => v.toFixed(2))
      .join(' '),
  );
  return `M${corners.join('L')}${isOpen ? '' : 'Z'}`;
}

const shapePath = (shape: Shape, view: View) => pathOf(outline(shape), view);

function Outline({
  element,
  view,
  isSelected,
  verdict,
}: {
  element: Element;
  view: View;
  isSelected: boolean;
  verdict: Label | null;
}) {
  const { drawn, role } = element;
  const d = shapePath(drawn, view);
  const classes = [
    'drawn',
    `drawn-${role}`,
    isSelected && 'is-selected',
    drawn.locked && 'is-locked',
    verdict && `is-${verdict}`,
  ];
  return (
    <g className={classes.filter(Boolean).join(' ')} data-key={drawn.key}>
      <path className="drawn-halo" d={d} />
      <path className="drawn-line" d={d} />
    </g>
  );
}

export function nameOf({ drawn, role }: Element): string {
  if (role === 'exclusion') return '';
  return role === 'region' ? (drawn as Region).name : (drawn as Defect).label;
}

/** A name only where it has room. */
function NameTag({ element, text, view }: { element: Element; text: string; view: View }) {
  const { drawn, role } = element;
  const b = boundsOf(drawn.points);
  const [x, y] = toScreen(view, [b.x, b.y]);
  const width = 7 * text.length + 12;
  if (!text || (b.width * view.scale < width && b.height * view.scale < 60)) return null;
  return (
    <g
      className={`name-tag name-tag-${role}`}
      transform={`translate(${x.toFixed(1)} ${(y - 20).toFixed(1)})`}
    >
      <text x="2" y="14">
        {text}
      </text>
    </g>
  );
}

function Grips({ element, view }: { element: Element; view: View }) {
  return gripsOf(element.drawn, view.scale).map((grip) => {
    const [x, y] = toScreen(view, grip.at);
    const key = `${grip.kind} ${'index' in grip ? grip.index : grip.handle}`;
    if (grip.kind === 'edge')
      return <circle key={key} className="grip grip-edge" cx={x} cy={y} r={3.5} />;
    return (
      <rect
        key={key}
        className={`grip grip-${grip.kind === 'handle' ? grip.handle : 'corner'}`}
        x={x - GRIP_PX / 2}
        y={y - GRIP_PX / 2}
        width={GRIP_PX}
        height={GRIP_PX}
        rx={1.5}
      />
    );
  });
}

function InTheMaking({ preview, view }: { preview: Preview; view: View }) {
  const { shape, path, band, stroke, hover } = preview;
  const [hoverX, hoverY] = hover ? toScreen(view, hover.at) : [0, 0];
  const drawn = shape ? shapePath(shape, view) : path && pathOf(path, view, true);
  const first = path?.[0] && toScreen(view, path[0]);
  return (
    <g className="making">
      {drawn && <path className="making-halo" d={drawn} />}
      {drawn && <path className="making-shape" d={drawn} />}
      {path?.slice(0, -1).map((p, i) => {
        const [x, y] = toScreen(view, p);
        // biome-ignore lint/suspicious/noArrayIndexKey: corners have no other name
        return <circle key={i} className="making-corner" cx={x} cy={y} r={3.5} />;
      })}
      {first && (path?.length ?? 0) > 3 && (
        <circle className="making-first" cx={first[0]} cy={first[1]} r={7} />
      )}
      {band && (
        <path className="making-band" d={shapePath({ shape: 'rectangle', points: band }, view)} />
      )}
      {hover &&
        ['making-halo', 'making-ring'].map((name) => (
          <circle
            key={name}
            className={name}
            cx={hoverX}
            cy={hoverY}
            r={hover.radius * view.scale}
          />
        ))}
      {stroke && (
        <path
          className={stroke.erase ? 'making-erase' : 'making-stroke'}
          d={pathOf([stroke.points[0] as Point, ...stroke.points], view, true)}
          strokeWidth={Math.max(1, 2 * stroke.radius * view.scale)}
        />
      )}
    </g>
  );
}

function Crosshair({ at: [x, y], screen }: { at: Point; screen: Size }) {
  const d = `M0 ${y}H${screen.width}M${x} 0V${screen.height}`;
  return (
    <g className="crosshair">
      <path className="crosshair-halo" d={d} />
      <path className="crosshair-line" d={d} />
    </g>
  );
}
