/** Polygon: a click a corner; Enter, C, a double click or a click on the first corner closes it. */

import { crossingEdges, type Point } from '../../core/geometry';
import {
  GRAB_PX,
  type Preview,
  snapped,
  type Tool,
  type ToolContext,
  type ToolPointer,
} from './tool';

export class PolygonTool implements Tool {
  readonly name = 'polygon';
  private corners: Point[] = [];
  private next: Point | null = null;
  private isAdded = false;

  down(p: ToolPointer, ctx: ToolContext): void {
    const at = snapped(p, ctx.doc);
    const first = this.corners[0];
    const last = this.corners.at(-1);
    const near = (q: Point | undefined) =>
      q !== undefined && Math.hypot(q[0] - at[0], q[1] - at[1]) * ctx.scale <= GRAB_PX;
    if (this.corners.length >= 3 && (near(first) || near(last))) this.close(ctx);
    else if (!near(last)) {
      this.corners.push(at);
      this.isAdded = true;
    }
    this.next = at;
  }

  move(p: ToolPointer, ctx: ToolContext): void {
    this.next = snapped(p, ctx.doc);
  }

  up(): void {
    this.isAdded = false;
  }

  key(key: string, ctx: ToolContext): boolean {
    if (this.corners.length === 0) return false;
    if (key === 'Backspace') this.corners.pop();
    else if (key === 'c' || key === 'C') this.close(ctx);
    else return false;
    return true;
  }

  finish(ctx: ToolContext): boolean {
    if (this.corners.length === 0) return false;
    this.close(ctx);
    return true;
  }

  cancel(): void {
    this.corners = [];
    this.next = null;
  }

  interrupt(): void {
    if (this.isAdded) this.corners.pop();
    this.isAdded = false;
    this.next = null;
  }

  preview(): Preview | null {
    if (this.corners.length === 0) return null;
    return { path: this.next ? [...this.corners, this.next] : this.corners };
  }

  /** An outline that crosses itself is left open to be mended. */
  private close(ctx: ToolContext): void {
    if (this.corners.length < 3 || crossingEdges(this.corners)) return;
    const points = this.corners;
    this.cancel();
    ctx.draw({ shape: 'polygon', points });
  }
}
