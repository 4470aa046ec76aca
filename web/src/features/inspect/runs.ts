/** Pictures on their way to the model: what is sent, what came back, what failed. */

import { ApiError } from '../../api/client';
import type { InspectionOut } from '../../api/schema';

export type Run = {
  readonly key: string;
  readonly file: File;
  readonly partId: string;
  readonly line: string;
  readonly state: 'waiting' | 'sending' | 'done' | 'failed';
  /** Seconds until the next attempt, while the server is busy. */
  readonly wait: number | null;
  readonly inspection: InspectionOut | null;
  readonly error: Error | null;
};

export function runOf(file: File, key: string, partId: string, line: string): Run {
  return {
    key,
    file,
    partId,
    line,
    state: 'waiting',
    wait: null,
    inspection: null,
    error: null,
  };
}

/** Sent again, it may go through; what the server has read and refused stays refused. */
export const mayGoThrough = ({ state, error }: Run): boolean =>
  state === 'failed' && !(error instanceof ApiError && [400, 413, 415, 422].includes(error.status));

export type Counts = Record<InspectionOut['verdict'] | 'failed' | 'done' | 'again', number>;

export function countsOf(runs: readonly Run[]): Counts {
  const counts: Counts = { ok: 0, review: 0, ng: 0, invalid: 0, failed: 0, done: 0, again: 0 };
  for (const run of runs) {
    if (run.state === 'done' || run.state === 'failed') counts.done += 1;
    if (run.state === 'failed') counts.failed += 1;
    if (mayGoThrough(run)) counts.again += 1;
    if (run.inspection) counts[run.inspection.verdict] += 1;
  }
  return counts;
}

/** Takes what waits, a few at a time, until nothing is left. */
export async function inParallel(atOnce: number, work: () => Promise<boolean>): Promise<void> {
  const lane = async () => {
    while (await work());
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}
