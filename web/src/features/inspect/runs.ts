/** Pictures on their way to the model: what is sent, what came back, what failed. */

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

export type Counts = Record<InspectionOut['verdict'] | 'failed' | 'done', number>;

export function countsOf(runs: readonly Run[]): Counts {
  const counts: Counts = { ok: 0, review: 0, ng: 0, invalid: 0, failed: 0, done: 0 };
  for (const run of runs) {
    if (run.state === 'done' || run.state === 'failed') counts.done += 1;
    if (run.state === 'failed') counts.failed += 1;
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
