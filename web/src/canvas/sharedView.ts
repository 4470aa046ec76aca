/** One view of several panes, whatever size they have. */

import type { Bounds, Point, Size } from '../core/geometry';
import { fitScale, MOST_SCALE, type View } from './view';

/** `zoom` 1 shows the whole picture; `x`, `y` are the picture's pixel in the middle of a pane. */
export type SharedView = { readonly zoom: number; readonly x: number; readonly y: number };

const LEAST_ZOOM = 0.5;

export const wholeOf = (frame: Size): SharedView => ({
  zoom: 1,
  x: frame.width / 2,
  y: frame.height / 2,
});

export function viewIn(shared: SharedView, frame: Size, screen: Size): View {
  const scale = fitScale(frame, screen) * shared.zoom;
  return {
    scale,
    x: screen.width / 2 - shared.x * scale,
    y: screen.height / 2 - shared.y * scale,
  };
}

export function sharedOf(view: View, frame: Size, screen: Size): SharedView {
  return keptVisible(
    {
      zoom: view.scale / fitScale(frame, screen),
      x: (screen.width / 2 - view.x) / view.scale,
      y: (screen.height / 2 - view.y) / view.scale,
    },
    frame,
  );
}

/** The middle of the pane stays on the picture. */
function keptVisible({ zoom, x, y }: SharedView, frame: Size): SharedView {
  return {
    zoom: Math.max(LEAST_ZOOM, zoom),
    x: Math.max(0, Math.min(frame.width, x)),
    y: Math.max(0, Math.min(frame.height, y)),
  };
}

const BOX_SHARE = 0.35;
const MOST_BOX_ZOOM = 12;

/** A place in the middle, with as much around it as tells where it is. */
export function closeTo(box: Bounds, frame: Size): SharedView {
  const across = frame.width / Math.max(1, box.width);
  const down = frame.height / Math.max(1, box.height);
  const zoom = Math.max(1, Math.min(MOST_BOX_ZOOM, BOX_SHARE * Math.min(across, down)));
  return keptVisible({ zoom, x: box.x + box.width / 2, y: box.y + box.height / 2 }, frame);
}

/** Closer or further away around the middle. */
export function zoomed(shared: SharedView, factor: number): SharedView {
  return { ...shared, zoom: Math.max(LEAST_ZOOM, Math.min(MOST_SCALE, shared.zoom * factor)) };
}

/** By shares of what is seen: [1, 0] is one pane to the right. */
export function stepped(shared: SharedView, [dx, dy]: Point, frame: Size): SharedView {
  const seen = Math.max(frame.width, frame.height) / shared.zoom;
  return keptVisible({ ...shared, x: shared.x + dx * seen, y: shared.y + dy * seen }, frame);
}
