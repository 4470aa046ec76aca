/** Brush and eraser: a stroke changes outlines. */

import { addDefects, type Command, type Document, replaceDefect } from './document';
import { boundsOf, boxesOverlap, type Points } from './geometry';
import { emptyMask, type Mask, maskAround, maskPolygons, paintStroke } from './mask';

/** How far a painted outline may stray from the edges of its pixels. */
export const BRUSH_TOLERANCE_PX = 0.75;

function strokeBox(stroke: Points, radius: number) {
  const b = boundsOf(stroke);
  const r = Math.ceil(radius) + 1;
  return { x: b.x - r, y: b.y - r, width: b.width + 2 * r, height: b.height + 2 * r };
}

/** Keep what lies inside the image. */
function cutToImage(mask: Mask, doc: Document): Mask {
  const x = Math.max(0, mask.x);
  const y = Math.max(0, mask.y);
  const width = Math.max(0, Math.min(doc.size.width, mask.x + mask.width) - x);
  const height = Math.max(0, Math.min(doc.size.height, mask.y + mask.height) - y);
  const cut = emptyMask({ x, y, width, height });
  for (let row = 0; row < height; row++) {
    const from = (row + y - mask.y) * mask.width + (x - mask.x);
    cut.data.set(mask.data.subarray(from, from + width), row * width);
  }
  return cut;
}

/**
 * Add a stroke. It joins the given defect when they touch; else it becomes a defect of its own.
 */
export function brush(
  stroke: Points,
  radius: number,
  label: string,
  join: string | null = null,
): Command {
  return (doc) => {
    const box = strokeBox(stroke, radius);
    const target = doc.defects.find((d) => d.key === join && !d.locked);
    const near = target && boxesOverlap(boundsOf(target.points), box) ? target : null;
    const mask = maskAround(near ? [near.points] : [], box);
    paintStroke(mask, stroke, radius, 1);
    const outlines = maskPolygons(cutToImage(mask, doc), BRUSH_TOLERANCE_PX);
    if (outlines.length === 0) return doc;
    return near ? replaceDefect(near.key, outlines)(doc) : addDefects(outlines, label)(doc);
  };
}

/** Take a stroke away from every unlocked defect that it touches. */
export function erase(stroke: Points, radius: number): Command {
  return (doc) => {
    const box = strokeBox(stroke, radius);
    const touched = doc.defects.filter((d) => !d.locked && boxesOverlap(boundsOf(d.points), box));
    return touched.reduce((result, defect) => {
      const mask = maskAround([defect.points]);
      const before = mask.data.slice();
      paintStroke(mask, stroke, radius, 0);
      if (mask.data.every((v, i) => v === before[i])) return result;
      return replaceDefect(defect.key, maskPolygons(mask, BRUSH_TOLERANCE_PX))(result);
    }, doc);
  };
}
