/** Brush, eraser and smart tool: a round stroke. */

import { boundsOf, type Point, type Points } from '../../core/geometry';
import type { Preview, Tool, ToolContext, ToolPointer } from './tool';

const CLICK_PX = 4;

function isClick(stroke: Points, scale: number): boolean {
  const b = boundsOf(stroke);
  return Math.max(b.width, b.height) * scale < CLICK_PX;
}

export class StrokeTool implements Tool {
  private points: Point[] = [];
  private hover: Point | null = null;
  private radius = 1;
  private isPressed = false;

  constructor(readonly name: 'brush' | 'eraser' | 'smart') {}

  down(p: ToolPointer, ctx: ToolContext): void {
    this.isPressed = true;
    this.radius = ctx.brushRadius;
    this.points = [p.at];
  }

  move(p: ToolPointer, ctx: ToolContext): void {
    this.hover = p.at;
    this.radius = ctx.brushRadius;
    if (!this.isPressed) return;
    const last = this.points.at(-1) ?? p.at;
    if (Math.hypot(p.at[0] - last[0], p.at[1] - last[1]) >= Math.max(0.5, this.radius / 4))
      this.points.push(p.at);
  }

  up(_: ToolPointer, ctx: ToolContext): void {
    if (!this.isPressed) return;
    const stroke = this.points;
    this.cancel();
    if (this.name === 'smart')
      ctx.point?.(isClick(stroke, ctx.scale) ? stroke.slice(0, 1) : stroke);
    else ctx.paint(stroke, this.name === 'eraser');
  }

  key(): boolean {
    return false;
  }

  cancel(): void {
    this.points = [];
    this.isPressed = false;
  }

  preview(): Preview | null {
    const { points, radius, hover } = this;
    if (points.length > 0) return { stroke: { points, radius, erase: this.name === 'eraser' } };
    return hover && { hover: { at: hover, radius } };
  }
}
