/**
 * Pictures in layers over each other with outlines; several stages can share one view.
 *
 * A layer lies in the frame by its own matrix, so that a photograph and what it is compared with
 * meet without being resampled.
 */

import { useCallback, useEffect, useRef } from 'react';
import type { Point, Points, Size } from '../core/geometry';
import { pointIn, sizeOf, useSize } from './frame';
import { cssTransform, IDENTITY, type Matrix, times, viewMatrix } from './matrix';
import { type SharedView, sharedOf, viewIn } from './sharedView';
import { TileLayer } from './TileLayer';
import type { SharpSource } from './tileBlock';
import { panBy, pinch, toScreen, type View, zoomAt } from './view';
import './picture-stage.css';

export type StageLayer = {
  readonly key: string;
  readonly src: string;
  /** The same picture by tiles, where the file is smaller than it. */
  readonly sharp?: SharpSource | null;
  /** In which its matrix counts; a smaller file is drawn at this size. */
  readonly size: Size;
  /** From layer to frame pixels, counted from the corner of the first pixel. */
  readonly matrix?: Matrix;
  readonly isHidden?: boolean;
};

export type StageOutline = {
  readonly key: string;
  /** In frame pixels. */
  readonly points: Points;
  readonly kind: 'defect' | 'doubt' | 'region';
};

export type PictureStageProps = {
  readonly frame: Size;
  readonly layers: readonly StageLayer[];
  readonly outlines?: readonly StageOutline[];
  readonly view: SharedView;
  readonly onView: (next: (view: SharedView) => SharedView) => void;
  /** What is seen, in words. */
  readonly label: string;
};

const PIXELS_FROM_SCALE = 4;

export function PictureStage(props: PictureStageProps) {
  const { frame, layers, outlines = [], label } = props;
  const ref = useRef<HTMLDivElement>(null);
  const screen = useSize(ref);
  const pointers = usePointers(ref, props);
  const view = viewIn(props.view, frame, screen);
  const isReady = screen.width > 0;
  return (
    <div ref={ref} className="picture-stage" role="img" aria-label={label} {...pointers}>
      {isReady &&
        layers.map((layer) => <Layer key={layer.key} layer={layer} view={view} screen={screen} />)}
      {isReady && outlines.length > 0 && <Outlines outlines={outlines} view={view} />}
    </div>
  );
}

type LayerProps = {
  readonly layer: StageLayer;
  readonly view: View;
  readonly screen: Size;
};

function Layer({ layer, view, screen }: LayerProps) {
  const matrix = times(viewMatrix(view), layer.matrix ?? IDENTITY);
  const isPixelated = view.scale >= PIXELS_FROM_SCALE;
  return (
    <>
      <img
        src={layer.src}
        alt=""
        draggable={false}
        style={{
          width: layer.size.width,
          height: layer.size.height,
          transform: cssTransform(matrix),
          visibility: layer.isHidden ? 'hidden' : undefined,
          imageRendering: isPixelated ? 'pixelated' : undefined,
        }}
      />
      {layer.sharp && (
        <TileLayer
          source={layer.sharp}
          matrix={matrix}
          screen={screen}
          isHidden={layer.isHidden}
          isPixelated={isPixelated}
        />
      )}
    </>
  );
}

function Outlines({
  outlines,
  view,
}: {
  readonly outlines: readonly StageOutline[];
  readonly view: View;
}) {
  return (
    <svg className="picture-outlines" aria-hidden="true">
      {outlines.map((outline) => {
        const d = pathOf(outline.points, view);
        return (
          <g key={outline.key} className={`outline outline-${outline.kind}`}>
            <path className="outline-halo" d={d} />
            <path className="outline-line" d={d} />
          </g>
        );
      })}
    </svg>
  );
}

function pathOf(points: Points, view: View): string {
  const at = (point: Point) => toScreen(view, point).map((v) => Math.round(10 * v) / 10);
  return `M${points.map((point) => at(point).join(' ')).join('L')}Z`;
}

/** Wheel, drag and two fingers. */
function usePointers(ref: React.RefObject<HTMLDivElement | null>, props: PictureStageProps) {
  const { frame, onView } = props;
  const held = useRef(new Map<number, Point>());
  const change = useCallback(
    (next: (view: View, screen: Size) => View) => {
      const element = ref.current;
      if (!element) return;
      const screen = sizeOf(element);
      onView((shared) => sharedOf(next(viewIn(shared, frame, screen), screen), frame, screen));
    },
    [ref, frame, onView],
  );
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      const at = pointIn(element, event);
      const lines = event.deltaMode === 1 ? 33 : 1;
      const factor = Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0015));
      change((view, screen) => zoomAt(view, at, factor, frame, screen));
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, [ref, change, frame]);

  function onPointerDown(event: React.PointerEvent<HTMLDivElement>) {
    if (event.pointerType === 'mouse' && event.button > 1) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    held.current.set(event.pointerId, pointIn(event.currentTarget, event));
  }

  function onPointerMove(event: React.PointerEvent<HTMLDivElement>) {
    const before = held.current.get(event.pointerId);
    if (!before) return;
    const at = pointIn(event.currentTarget, event);
    const points = [...held.current.values()];
    held.current.set(event.pointerId, at);
    const after = [...held.current.values()];
    if (points.length === 2) {
      const [from, to] = [points, after] as [[Point, Point], [Point, Point]];
      change((view, screen) => pinch(view, from, to, frame, screen));
    } else if (points.length === 1) {
      change((view, screen) => panBy(view, at[0] - before[0], at[1] - before[1], frame, screen));
    }
  }

  function onPointerUp(event: React.PointerEvent<HTMLDivElement>) {
    held.current.delete(event.pointerId);
  }

  return { onPointerDown, onPointerMove, onPointerUp, onPointerCancel: onPointerUp };
}
