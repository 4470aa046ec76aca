/** The image with what is drawn on it. Texts and commands come from the page. */

import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { Document, Element } from '../core/document';
import type { Point } from '../core/geometry';
import { pointIn, sizeOf, useSize } from './frame';
import { nameOf, Overlay } from './Overlay';
import { drawImage } from './paint';
import type { ImageSource } from './tiles';
import type { Tool, ToolContext, ToolPointer } from './tools';
import {
  centred,
  fitView,
  isSameView,
  panBy,
  pinch,
  toImage,
  toScreen,
  type View,
  zoomAt,
} from './view';

export type ViewStatus = { readonly at: Point | null; readonly scale: number };

export type ViewerProps = {
  readonly source: ImageSource;
  /** A second picture of the same place, laid over the first one. */
  readonly over?: { readonly source: ImageSource; readonly opacity: number } | undefined;
  readonly doc: Document;
  readonly selection: readonly string[];
  readonly tool: Tool;
  readonly context: (scale: number) => ToolContext;
  readonly label: string;
  readonly describedBy: string;
  /** What stands at an outline; its name when absent. */
  readonly tagOf?: (element: Element) => string;
  /** Keys that no tool used; true when the page used them. */
  readonly onKey: (event: React.KeyboardEvent, scale: number) => boolean;
  readonly onStatus: (status: Partial<ViewStatus>) => void;
};

const ZOOM_STEP = 1.25;
const PAN_STEP_PX = 60;
const DRAWS = new Set(['rectangle', 'ellipse', 'polygon', 'brush', 'eraser', 'smart']);

export function Viewer(props: ViewerProps) {
  const { source, doc, selection, tool, context, onKey, onStatus } = props;
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const overCanvas = useRef<HTMLCanvasElement>(null);
  const screen = useSize(frame);
  const [view, setView] = useState<View>({ scale: 1, x: 0, y: 0 });
  const [, redraw] = useState(0);
  const [cross, setCross] = useState<Point | null>(null);
  const [isSpace, setIsSpace] = useState(false);
  const touches = useRef(new Map<number, Point>());
  const panFrom = useRef<Point | null>(null);

  const isReady = screen.width > 0;
  /** Nothing is drawn, and no tile asked for, by the view of an image before. */
  const sizeKey = `${source.width} ${source.height}`;
  const [placed, setPlaced] = useState('');
  const isPlaced = isReady && placed === sizeKey;
  const change = useCallback((next: (view: View) => View) => setView((v) => next(v)), []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: fit when an image of another size comes
  useEffect(() => {
    if (isReady) {
      setView(fitView(source, screen));
      setPlaced(sizeKey);
    }
    setCross(null);
  }, [sizeKey, isReady]);

  // Who has not zoomed sees the whole image, however the window is changed.
  const lastScreen = useRef(screen);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only when the window is changed
  useEffect(() => {
    const before = fitView(source, lastScreen.current);
    lastScreen.current = screen;
    if (isReady) change((v) => (isSameView(v, before) ? fitView(source, screen) : v));
  }, [screen]);

  useEffect(() => {
    if (canvas.current && isPlaced) return drawImage(canvas.current, source, view, screen);
  }, [source, view, screen, isPlaced]);

  const overSource = props.over?.source;
  useEffect(() => {
    if (overCanvas.current && overSource && isPlaced)
      return drawImage(overCanvas.current, overSource, view, screen);
  }, [overSource, view, screen, isPlaced]);

  useEffect(() => onStatus({ scale: view.scale }), [onStatus, view.scale]);

  useEffect(() => {
    setCross(null);
    return () => tool.cancel();
  }, [tool]);

  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      const at = pointIn(element, event);
      const lines = event.deltaMode === 1 ? 33 : 1;
      const factor = Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0015));
      change((v) => zoomAt(v, at, factor, source, sizeOf(element)));
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, [source, change]);

  const pointer = (at: Point, event: { shiftKey: boolean; altKey: boolean }): ToolPointer => ({
    at: toImage(view, at),
    shift: event.shiftKey,
    alt: event.altKey,
  });
  const pans = (event: React.PointerEvent) => event.button === 1 || isSpace || tool.name === 'pan';

  function onPointerDown(event: React.PointerEvent<HTMLDivElement>) {
    const at = pointIn(event.currentTarget, event);
    event.currentTarget.focus({ preventScroll: true });
    event.currentTarget.setPointerCapture(event.pointerId);
    setCross(null);
    if (event.pointerType === 'touch') touches.current.set(event.pointerId, at);
    if (touches.current.size === 2) {
      if (tool.interrupt) tool.interrupt();
      else tool.cancel();
      panFrom.current = null;
    } else if (pans(event)) panFrom.current = at;
    else if (event.button === 0) tool.down(pointer(at, event), context(view.scale));
    redraw((n) => n + 1);
  }

  function onPointerMove(event: React.PointerEvent<HTMLDivElement>) {
    const at = pointIn(event.currentTarget, event);
    onStatus({ at: toImage(view, at) });
    const known = touches.current;
    if (known.size === 2 && known.has(event.pointerId)) {
      const before = [...known.values()] as [Point, Point];
      known.set(event.pointerId, at);
      const after = [...known.values()] as [Point, Point];
      change((v) => pinch(v, before, after, source, screen));
    } else if (panFrom.current) {
      const [x, y] = panFrom.current;
      panFrom.current = at;
      change((v) => panBy(v, at[0] - x, at[1] - y, source, screen));
    } else {
      tool.move(pointer(at, event), context(view.scale));
      redraw((n) => n + 1);
    }
  }

  function onPointerUp(event: React.PointerEvent<HTMLDivElement>) {
    const wasPinch = touches.current.size === 2;
    touches.current.delete(event.pointerId);
    if (panFrom.current) panFrom.current = null;
    else if (!wasPinch) {
      const at = pointIn(event.currentTarget, event);
      tool.up(pointer(at, event), context(view.scale));
    }
    redraw((n) => n + 1);
  }

  function moveCross(dx: number, dy: number) {
    const start = cross ?? toImage(view, [screen.width / 2, screen.height / 2]);
    const next: Point = [
      Math.max(0, Math.min(source.width, Math.round(start[0] + dx))),
      Math.max(0, Math.min(source.height, Math.round(start[1] + dy))),
    ];
    setCross(next);
    onStatus({ at: next });
    const [x, y] = toScreen(view, next);
    if (x < 0 || y < 0 || x > screen.width || y > screen.height)
      change((v) => centred({ x: next[0], y: next[1], width: 0, height: 0 }, screen, v.scale));
    tool.move({ at: next, shift: false, alt: false }, context(view.scale));
  }

  function press() {
    if (!cross && tool.finish?.(context(view.scale))) return;
    if (!cross) return moveCross(0, 0);
    const p = { at: cross, shift: false, alt: false };
    tool.down(p, context(view.scale));
    tool.up(p, context(view.scale));
  }

  function viewKey(event: React.KeyboardEvent): boolean {
    const middle: Point = [screen.width / 2, screen.height / 2];
    const zoom = (factor: number) => change((v) => zoomAt(v, middle, factor, source, screen));
    if (event.key === '+' || event.key === '=') zoom(ZOOM_STEP);
    else if (event.key === '-') zoom(1 / ZOOM_STEP);
    else if (event.key === '0') change(() => fitView(source, screen));
    else if (event.key === '1') zoom(1 / view.scale);
    else return false;
    return true;
  }

  function arrowKey(event: React.KeyboardEvent): boolean {
    const [dx, dy] = ARROWS[event.key] ?? [0, 0];
    if (dx === 0 && dy === 0) return false;
    if (DRAWS.has(tool.name)) {
      const step = event.shiftKey ? Math.max(10, Math.round(40 / view.scale)) : 1;
      moveCross(dx * step, dy * step);
    } else {
      change((v) => panBy(v, -dx * PAN_STEP_PX, -dy * PAN_STEP_PX, source, screen));
    }
    return true;
  }

  function onKeyDown(event: React.KeyboardEvent) {
    const isPlain = !event.ctrlKey && !event.metaKey;
    const isUsed =
      tool.key(event.key, context(view.scale)) ||
      onKey(event, view.scale) ||
      (isPlain && (viewKey(event) || arrowKey(event) || drawKey(event)));
    if (isUsed) event.preventDefault();
    redraw((n) => n + 1);
  }

  function drawKey(event: React.KeyboardEvent): boolean {
    if (event.key === 'Enter' && DRAWS.has(tool.name)) press();
    else if (event.key === ' ') setIsSpace(true);
    else if (event.key === 'Escape') {
      tool.cancel();
      setCross(null);
    } else return false;
    return true;
  }

  const preview = tool.preview();
  const shown = useMemo(
    () => (preview?.command ? preview.command(doc) : doc),
    [preview?.command, doc],
  );

  return (
    <div
      ref={frame}
      className={`viewer viewer-${isSpace ? 'pan' : tool.name}`}
      role="application"
      aria-label={props.label}
      aria-describedby={props.describedBy}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a drawing surface with its own keys
      tabIndex={0}
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onPointerUp={onPointerUp}
      onPointerCancel={onPointerUp}
      onPointerLeave={() => onStatus({ at: null })}
      onKeyDown={onKeyDown}
      onKeyUp={(event) => event.key === ' ' && setIsSpace(false)}
      onBlur={() => setIsSpace(false)}
    >
      <canvas ref={canvas} />
      {props.over && <canvas ref={overCanvas} style={{ opacity: props.over.opacity }} />}
      {isPlaced && (
        <Overlay
          doc={shown}
          selection={selection}
          preview={preview}
          view={view}
          screen={screen}
          cross={cross}
          hasGrips={tool.name === 'select'}
          tagOf={props.tagOf ?? nameOf}
        />
      )}
    </div>
  );
}

const ARROWS: Readonly<Record<string, Point>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};
