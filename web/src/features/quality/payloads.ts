/** What studies leave behind, as far as the page shows it. */

import type { JobOut } from '../../api/schema';

const KINDS = ['pdf', 'html', 'json'] as const;
type FileKind = (typeof KINDS)[number];

/** Files of a job that a person downloads, documents first. */
export function filesOf(job: JobOut): { name: string; kind: FileKind }[] {
  const names = Object.keys((job.result?.files as Record<string, string> | undefined) ?? {});
  return KINDS.flatMap((kind) =>
    names.filter((name) => name.endsWith(`.${kind}`)).map((name) => ({ name, kind })),
  );
}

export type StudyVerdict = 'pass' | 'marginal' | 'fail';

export type Rate = {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly k: number;
  readonly n: number;
};

export type Appraiser = {
  readonly appraiser: string;
  readonly verdict: StudyVerdict;
  readonly effectiveness: Rate;
  readonly miss_rate: Rate;
  readonly false_alarm_rate: Rate;
  readonly repeatability: Rate;
  readonly kappa_reference: { value: number; low: number; high: number } | null;
  readonly words: readonly string[];
};

export type MsaPayload = {
  readonly verdict: StudyVerdict;
  readonly confidence: number;
  readonly parts: { readonly good: number; readonly bad: number };
  readonly appraisers: readonly Appraiser[];
  readonly discordant: readonly unknown[];
  readonly notes: readonly string[];
};

export type PodStatus = 'found' | 'below' | 'not_reached' | 'too_few';

export type PodCurveData = {
  readonly kind: 'spot' | 'line' | 'natural';
  readonly contrast: number | null;
  readonly name: string;
  readonly trials: number;
  readonly status: PodStatus;
  readonly a50: number | null;
  readonly a90: number | null;
  readonly a90_95: number | null;
  readonly words: string;
  readonly curve: {
    readonly size_px: readonly number[];
    readonly pod: readonly number[];
    readonly low: readonly number[];
    readonly high: readonly number[];
  } | null;
  readonly points: readonly {
    readonly size_px: number;
    readonly trials: number;
    readonly hits: number;
  }[];
};

export type PodRegion = {
  readonly id: string;
  readonly name: string;
  readonly false_calls: number;
  readonly judged: number;
  readonly curves: readonly PodCurveData[];
  readonly map: {
    readonly size_px: number;
    readonly tested_cells: number;
    readonly blind_cells: number;
    readonly found_share: number | null;
  };
};

export type PodPayload = {
  readonly caution: string;
  readonly hit_means: string;
  readonly smallest_defect_px: number;
  readonly photographs: { readonly used: number };
  readonly regions: readonly PodRegion[];
  readonly trials: number;
  readonly notes: readonly string[];
};

const KEY_CONTRAST = 0.2;

/** The curve that speaks for a region, as in the report: spots of moderate contrast. */
export function keyCurve(region: PodRegion): PodCurveData | null {
  const far = (one: PodCurveData) => Math.abs((one.contrast ?? 0) - KEY_CONTRAST);
  const spots = region.curves.filter((one) => one.kind === 'spot');
  return [...spots].sort((a, b) => far(a) - far(b))[0] ?? region.curves[0] ?? null;
}

export type Light = 'good' | 'warn' | 'bad';

/** Whether the size asked for is shown to be found. */
export function lightOf(curve: PodCurveData, askedPx: number): Light {
  if (curve.a90_95 !== null && curve.a90_95 <= askedPx) return 'good';
  return curve.status === 'not_reached' ? 'bad' : 'warn';
}

/** Which jobs can go into a report as which part. */
export const PARTS = {
  health: 'check',
  evaluation: 'evaluate',
  operating: 'calibrate',
  pod: 'pod',
  msa: 'msa',
  comparison: 'compare',
} as const;
export type PartName = keyof typeof PARTS;
export const PART_NAMES = Object.keys(PARTS) as PartName[];

/** What the server measures by itself where no job is named. */
export const MEASURED: readonly PartName[] = ['health', 'evaluation'];

/** Done and about this model, as the server asks for it; the latest first. */
export function candidates(
  jobs: readonly JobOut[],
  part: PartName,
  modelId: string,
  versionId: string,
): JobOut[] {
  return jobs.filter((job) => {
    if (job.kind !== PARTS[part] || job.state !== 'done') return false;
    if (part === 'health') return job.params.version_id === versionId;
    const about = part === 'operating' ? job.result?.model_id : job.params.model_id;
    return about === modelId || (part === 'msa' && about == null);
  });
}

/** Round sizes on a logarithmic axis: 1, 2 and 5 of every power of ten. */
export function sizeTicks(least: number, most: number): number[] {
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(least)); power <= Math.log10(most); power++)
    for (const step of [1, 2, 5]) {
      const size = Number((step * 10 ** power).toPrecision(3));
      if (size >= least && size <= most) ticks.push(size);
    }
  return ticks;
}

/** The parts that a report was asked to join. */
export function partsJoined(job: JobOut): PartName[] {
  const settings = job.params.settings as { parts?: Record<string, string> } | undefined;
  return PART_NAMES.filter((name) => settings?.parts?.[name] !== undefined);
}
