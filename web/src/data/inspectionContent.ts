/** What a model said of a picture, as `inspect --json` writes it. */

import { applied, fromCorners, inverse, type Matrix, matrixOf } from '../canvas/matrix';
import type { Points } from '../core/geometry';

export type VerdictName = 'ok' | 'review' | 'ng' | 'invalid';

export type DefectContent = {
  readonly polygon: Points;
  readonly area_px: number;
  readonly deviation_score: number;
};

export type RegionContent = {
  readonly id: string;
  readonly name: string;
  readonly verdict: VerdictName;
  readonly deviation_score: number | null;
  readonly defect_probability: number | null;
  readonly reason: { readonly code: string; readonly message: string } | null;
  readonly defects: readonly DefectContent[];
};

export type InspectionContent = {
  readonly verdict: VerdictName;
  readonly deviation_score: number | null;
  readonly regions: readonly RegionContent[];
  readonly alignment?: { readonly matrix?: unknown };
};

/** The server has checked it; only its type is open in the API. */
export const contentOf = (inspection: { content: unknown }): InspectionContent =>
  inspection.content as InspectionContent;

export type Outlined = {
  readonly key: string;
  readonly points: Points;
  readonly kind: 'defect' | 'doubt';
};

/** Outlines of all regions, in image pixels; what only asks for a person is drawn as a doubt. */
export function outlinesOf(content: InspectionContent): Outlined[] {
  return content.regions.flatMap((region) =>
    region.defects.map((defect, i) => ({
      key: `${region.id}-${i}`,
      points: defect.polygon,
      kind: region.verdict === 'ng' ? ('defect' as const) : ('doubt' as const),
    })),
  );
}

/** From image to reference pixels, from corner to corner; null where the image did not fit. */
export function toReference(content: InspectionContent): Matrix | null {
  const matrix = matrixOf(content.alignment?.matrix);
  return matrix && inverse(fromCorners(matrix));
}

export const laidBy = (matrix: Matrix, outlines: readonly Outlined[]): Outlined[] =>
  outlines.map((one) => ({ ...one, points: one.points.map((point) => applied(matrix, point)) }));

/** What stopped the part first, then the rest in the order of the template. */
export function byUrgency(regions: readonly RegionContent[]): RegionContent[] {
  const rank = { ng: 0, invalid: 1, review: 2, ok: 3 } as const;
  return [...regions].sort(
    (a, b) =>
      rank[a.verdict] - rank[b.verdict] || (b.deviation_score ?? 0) - (a.deviation_score ?? 0),
  );
}
