/** Size of a region against what the network sees; the rules of `offspec.resolution`. */

import { type Bounds, boundsOf, boxesOverlap, boxPoints, pixelBounds } from './geometry';
import type { Resolution, TemplateRegion } from './template';

export const NETWORK_PX = { fast: 256, accurate: 512 } as const;
export const WANTED_DEFECT_PX = 8;
export const LEAST_DEFECT_PX = 4;

export type FixedResolution = Exclude<Resolution, 'auto'>;
export const FIXED: readonly FixedResolution[] = ['fast', 'accurate', 'native'];

export type SizeAdvice = {
  readonly resolution: FixedResolution;
  /** Region in whole pixels of the original image. */
  readonly width: number;
  readonly height: number;
  /** Width left of the smallest defect, in network pixels by the smaller factor. */
  readonly defectPx: number;
  readonly state: 'enough' | 'short' | 'missed';
  /** Boxes that would keep 8 network pixels; empty when no split is needed or none would help. */
  readonly split: readonly Bounds[];
};

function scaleXY(region: TemplateRegion, resolution: FixedResolution): readonly [number, number] {
  if (resolution === 'native') return [1, 1];
  const { width, height } = pixelBounds(region.points);
  return [NETWORK_PX[resolution] / width, NETWORK_PX[resolution] / height];
}

/** The resolution that `auto` stands for: the cheapest that keeps 8 network pixels. */
export function chosenResolution(region: TemplateRegion, smallest: number): FixedResolution {
  if (region.resolution !== 'auto') return region.resolution;
  const left = FIXED.map((name) => smallest * Math.min(...scaleXY(region, name)));
  const enough = left.findIndex((px) => px >= WANTED_DEFECT_PX);
  return FIXED[enough >= 0 ? enough : left.indexOf(Math.max(...left))] as FixedResolution;
}

export function sizeAdvice(
  region: TemplateRegion,
  resolution: FixedResolution,
  smallest: number,
): SizeAdvice {
  const { width, height } = pixelBounds(region.points);
  const scale = Math.min(...scaleXY(region, resolution));
  const defectPx = smallest * scale;
  const short = defectPx < WANTED_DEFECT_PX;
  const boxes = short && scale < 1 ? grid(region, resolution, smallest) : [];
  return {
    resolution,
    width,
    height,
    defectPx,
    state: !short ? 'enough' : defectPx < LEAST_DEFECT_PX ? 'missed' : 'short',
    split: boxes.length > 1 ? boxes : [],
  };
}

/** Fewest boxes that keep 8 network pixels, overlapping by one defect. */
function grid(region: TemplateRegion, resolution: FixedResolution, smallest: number): Bounds[] {
  const side = resolution === 'fast' ? NETWORK_PX.fast : NETWORK_PX.accurate;
  const largest = Math.floor((side * smallest) / WANTED_DEFECT_PX);
  const overlap = Math.ceil(smallest);
  if (largest <= 2 * overlap) return [];
  const b = pixelBounds(region.points);
  const xs = cuts(b.width, largest, overlap);
  return cuts(b.height, largest, overlap).flatMap(([y, height]) =>
    xs.map(([x, width]): Bounds => ({ x: b.x + x, y: b.y + y, width, height })),
  );
}

function cuts(length: number, largest: number, overlap: number): [number, number][] {
  if (length <= largest) return [[0, length]];
  const n = Math.ceil((length - overlap) / (largest - overlap));
  const piece = Math.ceil((length + (n - 1) * overlap) / n);
  return Array.from({ length: n }, (_, i) => [
    roundHalfEven((i * (length - piece)) / (n - 1)),
    piece,
  ]);
}

function roundHalfEven(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  if (rest !== 0.5) return Math.round(value);
  return low % 2 === 0 ? low : low + 1;
}

/** A rectangle cut into parts `id-1`, `id-2`...; itself when no split is needed or it is no rectangle. */
export function splitRectangle(region: TemplateRegion, smallest: number): TemplateRegion[] {
  const { split } = sizeAdvice(region, chosenResolution(region, smallest), smallest);
  if (split.length === 0 || region.shape !== 'rectangle') return [region];
  const whole = boundsOf(region.points);
  return split.map((box, i): TemplateRegion => {
    const x = Math.max(box.x, whole.x);
    const y = Math.max(box.y, whole.y);
    const part: Bounds = {
      x,
      y,
      width: Math.min(box.x + box.width, whole.x + whole.width) - x,
      height: Math.min(box.y + box.height, whole.y + whole.height) - y,
    };
    return {
      ...region,
      id: `${region.id.slice(0, 60)}-${i + 1}`,
      name: `${region.name} ${i + 1}`,
      points: boxPoints(part),
      exclusions: region.exclusions.filter((e) => boxesOverlap(boundsOf(e.points), part)),
    };
  });
}
