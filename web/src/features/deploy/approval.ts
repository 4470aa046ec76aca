/** Which models can be approved, what speaks for one, and when a reason is needed. */

import type { JobOut, ModelOut } from '../../api/schema';

export type Shelf = {
  readonly inUse: ModelOut | null;
  /** The latest first. */
  readonly candidates: readonly ModelOut[];
  readonly earlier: readonly ModelOut[];
};

export function shelfOf(models: readonly ModelOut[]): Shelf {
  const sorted = [...models].sort((a, b) => b.number - a.number);
  const inUse = sorted.find((model) => model.approved) ?? null;
  return {
    inUse,
    candidates: sorted.filter((model) => inUse === null || model.number > inUse.number),
    earlier: sorted.filter((model) => inUse !== null && model.number < inUse.number),
  };
}

/** The latest comparison of a model with the one in use, whether it is done or not. */
export function comparisonOf(
  jobs: readonly JobOut[],
  model: Pick<ModelOut, 'id'>,
  inUse: Pick<ModelOut, 'id'> | null,
): JobOut | null {
  const found = jobs.filter(
    ({ kind, params, state }) =>
      kind === 'compare' &&
      state !== 'cancelled' &&
      params.model_id === model.id &&
      params.other_model_id === inUse?.id,
  );
  return found.sort((a, b) => b.created_s - a.created_s)[0] ?? null;
}

export type Decided = 'not_worse' | 'worse' | 'undecided';

/** What a comparison that is done came to. */
export type Compared = {
  readonly decision: Decided;
  readonly words: readonly string[];
  readonly notes: readonly string[];
  readonly flips: number;
  readonly leftOut: number;
};

export function comparedOf(job: JobOut | null | undefined): Compared | null {
  const result = job?.state === 'done' ? job.result : null;
  if (!result || typeof result.decision !== 'string') return null;
  const list = (value: unknown) => (Array.isArray(value) ? value : []);
  return {
    decision: result.decision as Decided,
    words: list(result.words).map(String),
    notes: list(result.notes).map(String),
    flips: list(result.flips).length,
    leftOut: Number(result.left_out) || 0,
  };
}

export type WhyKind = 'optional' | 'without' | 'against' | 'back';

/** Only a comparison that speaks for the model makes words unnecessary. */
export function whyKind(isRollBack: boolean, compared: Compared | null): WhyKind {
  if (isRollBack) return 'back';
  if (compared === null) return 'without';
  return compared.decision === 'not_worse' ? 'optional' : 'against';
}
