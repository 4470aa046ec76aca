/** Decisions made on this page, and how to take them back. */

import type { ImageOut } from '../../api/schema';
import type { Decision } from '../../data/decisions';

export type Before = Pick<ImageOut, 'id' | 'decision' | 'decision_why'>;

/** One step that can be taken back: what the images had before it. */
export type Step = readonly Before[];

export type Request = { image_ids: string[]; decision: Decision; why: string };

/** As few requests as say it all. */
export function undoOf(step: Step): readonly Request[] {
  const groups = new Map<string, Request>();
  for (const { id, decision, decision_why } of step) {
    const key = JSON.stringify([decision, decision_why]);
    const known: Request = groups.get(key) ?? {
      image_ids: [],
      decision: decision ?? null,
      why: decision_why,
    };
    known.image_ids.push(id);
    groups.set(key, known);
  }
  return [...groups.values()];
}

/** Of these images the ones that the decision changes; nobody decided of one that is not known. */
export function changedBy(
  ids: readonly string[],
  known: (id: string) => Before | undefined,
  decision: Decision,
): readonly Before[] {
  return ids
    .map((id) => known(id) ?? { id, decision: null, decision_why: '' })
    .filter((image) => (image.decision ?? null) !== decision);
}
