/** Rectangle and ellipse: a drag, or two clicks on opposite corners. */

import { boundsOf, boxPoints, type Point, type Shape } from '../../core/geometry';
import { type Preview, snapped, type Tool, type ToolContext, type ToolPointer } from './tool';

const CLICK_PX = 4;

export class BoxTool implements Tool {
  private start: Point | null = null;
  private end: Point | null = null;
  private isPressed = false;

  constructor(readonly name: 'rectangle' | 'ellipse') {}

  down(p: ToolPointer, ctx: ToolContext): void {
    this.isPressed = true;
    this.end = snapped(p, ctx.doc);
    this.start ??= this.end;
  }

  move(p: ToolPointer, ctx: ToolContext): void {
    if (!this.start) return;
    this.end = p.shift ? this.square(snapped(p, ctx.doc)) : snapped(p, ctx.doc);
  }

  up(p: ToolPointer, ctx: ToolContext): void {
    if (!this.isPressed || !this.start) return;
    this.isPressed = false;
    this.move(p, ctx);
    const shape = this.shape();
    if (!shape) return;
    const b = boundsOf(shape.points);
    if (Math.max(b.width, b.height) * ctx.scale < CLICK_PX) return; // first of two clicks
    if (b.width === 0 || b.height === 0) return;
    this.cancel();
    ctx.draw(shape);
  }

  key(): boolean {
    return false;
  }

  cancel(): void {
    this.start = this.end = null;
    this.isPressed = false;
  }

  preview(): Preview | null {
    const shape = this.shape();
    return shape && { shape };
  }

  private shape(): Shape | null {
    if (!this.start || !this.end) return null;
    return { shape: this.name, points: boxPoints(boundsOf([this.start, this.end])) };
  }

  private square([x, y]: Point): Point {
    const [x0, y0] = this.start ?? [x, y];
    const side = Math.min(Math.abs(x - x0), Math.abs(y - y0));
    return [x0 + Math.sign(x - x0) * side, y0 + Math.sign(y - y0) * side];
  }
}
