/** What `evaluation.json` says of every image. */

export type Label = 'ok' | 'ng';
export type Verdict = 'ok' | 'review' | 'ng' | 'invalid';
export type Point = readonly [number, number];

export type RegionResult = {
  readonly id: string;
  readonly name: string;
  readonly verdict: Verdict;
  readonly deviation_score: number | null;
  readonly reason: { readonly code: string; readonly message: string } | null;
  readonly defects: readonly { readonly polygon: readonly Point[] }[];
};

/** One test image; `image_id` is null where the image is gone from the project. */
export type Tested = {
  readonly image: string;
  readonly image_id: string | null;
  readonly label: Label;
  readonly defect_type: string;
  readonly verdict: Verdict;
  readonly deviation_score: number | null;
  readonly regions: readonly RegionResult[];
};

export type Evaluation = {
  readonly images: readonly Tested[];
  readonly unread: readonly { readonly image: string; readonly message: string }[];
  readonly leftOut: number;
  readonly auroc: number | null;
};

type Row = Tested | { image: string; error: { code: string; message: string } };

export type EvaluationFile = {
  readonly images: readonly Row[];
  readonly left_out?: number;
  readonly image_auroc?: number | null;
};

export function readEvaluation(file: EvaluationFile): Evaluation {
  const images: Tested[] = [];
  const unread: { image: string; message: string }[] = [];
  for (const row of file.images) {
    if ('error' in row) unread.push({ image: row.image, message: row.error.message });
    else images.push(row);
  }
  return { images, unread, leftOut: file.left_out ?? 0, auroc: file.image_auroc ?? null };
}

/** Regions in the order of the template, by the first image that has them. */
export function regionsOf(images: readonly Tested[]): readonly { id: string; name: string }[] {
  return images[0]?.regions.map(({ id, name }) => ({ id, name })) ?? [];
}

/** Score of the image, or of one region of it; null where it was not judged. */
export function scoreOf(one: Tested, regionId: string | null): number | null {
  if (regionId === null) return one.deviation_score;
  return one.regions.find((region) => region.id === regionId)?.deviation_score ?? null;
}

/** A name without the mark that makes it unique in a dataset version. */
export const plainName = (key: string): string => key.replace(/^[0-9a-f]{12}_/, '');
