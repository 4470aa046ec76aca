/** Select, move, resize; corners of polygons are dragged, added on an edge and removed with Alt. */

import {
  boundsOfKeys,
  type Command,
  type Drawn,
  elementAt,
  elements,
  findElement,
  move,
  resize,
  setPoints,
} from '../../core/document';
import {
  boundsOf,
  boxesOverlap,
  boxPoints,
  crossingEdges,
  dragHandle,
  HANDLES,
  type Handle,
  handlePoint,
  type Point,
  type Points,
} from '../../core/geometry';
import {
  GRAB_PX,
  type Preview,
  snapped,
  type Tool,
  type ToolContext,
  type ToolPointer,
} from './tool';

/** Edges shorter than this on screen get no handle in their middle. */
const LEAST_EDGE_PX = 30;

export type Grip =
  | { readonly kind: 'handle'; readonly at: Point; readonly handle: Handle }
  | { readonly kind: 'corner'; readonly at: Point; readonly index: number }
  | { readonly kind: 'edge'; readonly at: Point; readonly index: number };

/** What can be dragged on a selected element. */
export function gripsOf(drawn: Drawn, scale: number): Grip[] {
  if (drawn.locked) return [];
  if (drawn.shape !== 'polygon') {
    const b = boundsOf(drawn.points);
    return HANDLES.map((handle) => ({ kind: 'handle', at: handlePoint(b, handle), handle }));
  }
  const corners = drawn.points.map((at, index): Grip => ({ kind: 'corner', at, index }));
  const edges = drawn.points.flatMap(([x, y], index): Grip[] => {
    const [u, v] = drawn.points[(index + 1) % drawn.points.length] as Point;
    if (Math.hypot(u - x, v - y) * scale < LEAST_EDGE_PX) return [];
    return [{ kind: 'edge', at: [(x + u) / 2, (y + v) / 2], index }];
  });
  return [...edges, ...corners];
}

type Drag =
  | { kind: 'move'; from: Point; keys: readonly string[] }
  | { kind: 'grip'; key: string; grip: Grip; points: Points }
  | { kind: 'band'; from: Point; keep: readonly string[] };

export class SelectTool implements Tool {
  readonly name = 'select';
  private drag: Drag | null = null;
  private command: Command | null = null;
  private band: Points | null = null;

  down(p: ToolPointer, ctx: ToolContext): void {
    this.cancel();
    const grabbed = this.gripAt(p.at, ctx);
    if (grabbed) {
      this.grab(grabbed.drawn, grabbed.grip, p, ctx);
      return;
    }
    const key = elementAt(ctx.doc, p.at, GRAB_PX / ctx.scale)?.drawn.key;
    if (!key) {
      const keep = p.shift ? ctx.selection : [];
      ctx.select(keep);
      this.drag = { kind: 'band', from: p.at, keep };
      return;
    }
    const isIn = ctx.selection.includes(key);
    const keys = p.shift
      ? isIn
        ? ctx.selection.filter((k) => k !== key)
        : [...ctx.selection, key]
      : isIn
        ? ctx.selection
        : [key];
    ctx.select(keys);
    if (keys.includes(key)) this.drag = { kind: 'move', from: p.at, keys };
  }

  move(p: ToolPointer, ctx: ToolContext): void {
    const { drag } = this;
    if (drag?.kind === 'move') this.command = this.moved(drag.keys, drag.from, p, ctx);
    else if (drag?.kind === 'grip') this.command = gripCommand(drag, p, ctx);
    else if (drag?.kind === 'band') this.band = boxPoints(boundsOf([drag.from, p.at]));
  }

  up(p: ToolPointer, ctx: ToolContext): void {
    if (!this.drag) return;
    this.move(p, ctx);
    const { drag, command, band } = this;
    this.cancel();
    if (drag.kind === 'band' && band) selectBand(drag.keep, band, ctx);
    else if (command && drag.kind !== 'band')
      ctx.change(drag.kind === 'move' ? 'move' : 'resize', command);
  }

  key(): boolean {
    return false;
  }

  cancel(): void {
    this.drag = this.command = this.band = null;
  }

  preview(): Preview | null {
    if (this.command) return { command: this.command };
    return this.band && { band: this.band };
  }

  private gripAt(at: Point, ctx: ToolContext): { drawn: Drawn; grip: Grip } | null {
    if (ctx.selection.length !== 1) return null;
    const element = findElement(ctx.doc, ctx.selection[0] ?? '');
    if (!element || element.owner?.locked) return null;
    const reach = (GRAB_PX + 1) / ctx.scale;
    const grip = gripsOf(element.drawn, ctx.scale).findLast(
      (g) => Math.abs(g.at[0] - at[0]) <= reach && Math.abs(g.at[1] - at[1]) <= reach,
    );
    return grip ? { drawn: element.drawn, grip } : null;
  }

  private grab(drawn: Drawn, grip: Grip, p: ToolPointer, ctx: ToolContext): void {
    if (grip.kind === 'corner' && p.alt) {
      const points = drawn.points.filter((_, i) => i !== grip.index);
      if (points.length >= 3 && !crossingEdges(points))
        ctx.change('points', setPoints(drawn.key, points));
      return;
    }
    this.drag = { kind: 'grip', key: drawn.key, grip, points: drawn.points };
  }

  private moved(
    keys: readonly string[],
    from: Point,
    p: ToolPointer,
    ctx: ToolContext,
  ): Command | null {
    const step = (v: number) => (p.alt ? v : Math.round(v));
    const [dx, dy] = [step(p.at[0] - from[0]), step(p.at[1] - from[1])];
    const isStill = Math.hypot(dx, dy) * ctx.scale < 2 && !this.command;
    return isStill ? null : move(keys, dx, dy);
  }
}

function gripCommand(
  drag: Extract<Drag, { kind: 'grip' }>,
  p: ToolPointer,
  ctx: ToolContext,
): Command | null {
  const at = snapped(p, ctx.doc);
  if (drag.grip.kind === 'handle')
    return resize(drag.key, dragHandle(boundsOf(drag.points), drag.grip.handle, at));
  const { index, kind } = drag.grip;
  const points =
    kind === 'corner'
      ? drag.points.map((q, i) => (i === index ? at : q))
      : [...drag.points.slice(0, index + 1), at, ...drag.points.slice(index + 1)];
  return crossingEdges(points) ? null : setPoints(drag.key, points);
}

function selectBand(keep: readonly string[], band: Points, ctx: ToolContext): void {
  const box = boundsOf(band);
  const found = elements(ctx.doc)
    .filter((e) => {
      const b = boundsOfKeys(ctx.doc, [e.drawn.key]);
      return b !== null && boxesOverlap(b, box);
    })
    .map((e) => e.drawn.key);
  ctx.select([...new Set([...keep, ...found])]);
}
