/** Zoom and place that several panes have in common, and the keys for them. */

import { useCallback, useEffect, useRef, useState } from 'react';
import type { Bounds, Point, Size } from '../core/geometry';
import { closeTo, type SharedView, stepped, wholeOf, zoomed } from './sharedView';

const ZOOM_STEP = 1.25;
const PAN_SHARE = 0.12;
const ARROWS: Readonly<Record<string, Point>> = {
  ArrowLeft: [-PAN_SHARE, 0],
  ArrowRight: [PAN_SHARE, 0],
  ArrowUp: [0, -PAN_SHARE],
  ArrowDown: [0, PAN_SHARE],
};

export type ViewControl = {
  readonly view: SharedView;
  readonly change: (next: (view: SharedView) => SharedView) => void;
  readonly zoomIn: () => void;
  readonly zoomOut: () => void;
  readonly showAll: () => void;
  /** The next one of these places, after the last one the whole again. */
  readonly showNext: (places: readonly Bounds[]) => void;
  /** + - 0 and the arrows; true when the key was one of them. */
  readonly key: (key: string) => boolean;
};

/** `name` of what is shown: something else starts as a whole. */
export function useSharedView(frame: Size | null, name: string): ViewControl {
  const { width, height } = frame ?? { width: 1, height: 1 };
  const [view, setView] = useState<SharedView>(() => wholeOf({ width, height }));
  const place = useRef(-1);
  const showAll = useCallback(() => {
    place.current = -1;
    setView(wholeOf({ width, height }));
  }, [width, height]);
  const showNext = useCallback(
    (places: readonly Bounds[]) => {
      place.current += 1;
      const next = places[place.current];
      if (next) setView(closeTo(next, { width, height }));
      else showAll();
    },
    [showAll, width, height],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: another picture starts as a whole
  useEffect(showAll, [showAll, name]);
  const change = useCallback((next: (view: SharedView) => SharedView) => setView(next), []);
  const zoomIn = useCallback(() => setView((v) => zoomed(v, ZOOM_STEP)), []);
  const zoomOut = useCallback(() => setView((v) => zoomed(v, 1 / ZOOM_STEP)), []);
  const key = useCallback(
    (pressed: string): boolean => {
      const arrow = ARROWS[pressed];
      if (pressed === '+' || pressed === '=') zoomIn();
      else if (pressed === '-') zoomOut();
      else if (pressed === '0') showAll();
      else if (arrow) setView((v) => stepped(v, arrow, { width, height }));
      else return false;
      return true;
    },
    [zoomIn, zoomOut, showAll, width, height],
  );
  return { view, change, zoomIn, zoomOut, showAll, showNext, key };
}
