/** A tool turns pointer and keys into changes of the document. It knows neither page nor canvas. */

import type { Command, Document } from '../../core/document';
import type { Point, Points, Shape } from '../../core/geometry';

export type ToolName =
  | 'select'
  | 'pan'
  | 'rectangle'
  | 'polygon'
  | 'ellipse'
  | 'brush'
  | 'eraser'
  | 'smart';

export type ToolPointer = {
  /** In image pixels; may lie outside the image. */
  readonly at: Point;
  readonly shift: boolean;
  readonly alt: boolean;
};

export type ToolContext = {
  readonly doc: Document;
  readonly selection: readonly string[];
  /** Screen pixels per image pixel. */
  readonly scale: number;
  readonly brushRadius: number;
  readonly select: (keys: readonly string[]) => void;
  readonly change: (step: 'move' | 'resize' | 'points', command: Command) => void;
  /** A finished shape, region or exclusion as the page has it. */
  readonly draw: (shape: Shape) => void;
  readonly paint: (stroke: Points, erase: boolean) => void;
  /** Outline what the points show: one point for a click, else a rough stroke. */
  readonly point?: (points: Points) => void;
};

export type Preview = {
  /** The document as it would be if the drag ended now. */
  readonly command?: Command;
  readonly shape?: Shape;
  /** A polygon in the making. */
  readonly path?: Points;
  readonly band?: Points;
  /** The brush before it is pressed. */
  readonly hover?: { readonly at: Point; readonly radius: number };
  readonly stroke?: { readonly points: Points; readonly radius: number; readonly erase: boolean };
};

export interface Tool {
  readonly name: ToolName;
  down(p: ToolPointer, ctx: ToolContext): void;
  move(p: ToolPointer, ctx: ToolContext): void;
  up(p: ToolPointer, ctx: ToolContext): void;
  /** True when the tool used the key. */
  key(key: string, ctx: ToolContext): boolean;
  /** Enter after the pointer: ends what it began. True when something was begun. */
  finish?(ctx: ToolContext): boolean;
  cancel(): void;
  /** A second finger came: what the first one began is taken back. */
  interrupt?(): void;
  preview(): Preview | null;
}

/** On screen, in CSS pixels. */
export const GRAB_PX = 7;

/** Whole pixels, unless Alt asks for parts of them; always inside the image. */
export function snapped(p: ToolPointer, doc: Document): Point {
  const [x, y] = p.alt ? p.at : [Math.round(p.at[0]), Math.round(p.at[1])];
  return [Math.max(0, Math.min(doc.size.width, x)), Math.max(0, Math.min(doc.size.height, y))];
}
