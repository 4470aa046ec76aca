/** Which images are selected, what was decided, and undo; shared by all parts of the page. */

import { createContext, useCallback, useContext, useState } from 'react';
import { useNotify } from '../../components/Toasts';
import { type Decision, useDecide, useKnownImage } from '../../data/decisions';
import { useMay } from '../../data/session';
import { errorText, t } from '../../texts';
import { changedBy, type Step, undoOf } from './decisions';
import type { CheckReport, TopicName } from './report';

export type Decisions = {
  /** Null where an image is gone. */
  readonly idOf: (key: string) => string | null;
  readonly selected: ReadonlySet<string>;
  readonly toggle: (id: string) => void;
  readonly clear: () => void;
  readonly decide: (ids: readonly string[], decision: Decision, topic?: TopicName) => void;
  readonly undo: (() => void) | null;
  readonly isBusy: boolean;
  readonly mayDecide: boolean;
};

const Context = createContext<Decisions | null>(null);
export const DecisionsProvider = Context.Provider;

export function useDecisions(): Decisions {
  const found = useContext(Context);
  if (!found) throw new Error('no check is shown');
  return found;
}

export function useMakeDecisions(report: CheckReport): Decisions {
  const notify = useNotify();
  const mayDecide = useMay('upload');
  const { mutateAsync, isPending } = useDecide();
  const known = useKnownImage();
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [steps, setSteps] = useState<readonly Step[]>([]);
  const toggle = useCallback((id: string) => {
    setSelected((before) => {
      const after = new Set(before);
      if (!after.delete(id)) after.add(id);
      return after;
    });
  }, []);
  const decide: Decisions['decide'] = (wanted, decision, topic) => {
    const changed = changedBy(wanted, known, decision);
    if (changed.length === 0 || !mayDecide) return;
    const why = decision === null || !topic ? '' : t.health.why(t.health.topics[topic]);
    mutateAsync({ image_ids: changed.map((image) => image.id), decision, why })
      .then(() => {
        setSteps((before) => [...before, changed]);
        setSelected(new Set());
      })
      .catch((error) => notify(errorText(error), 'bad'));
  };
  const last = steps.at(-1);
  const undo = async () => {
    if (!last) return;
    try {
      for (const request of undoOf(last)) await mutateAsync(request);
      setSteps((before) => before.slice(0, -1));
    } catch (error) {
      notify(errorText(error), 'bad');
    }
  };
  return {
    idOf: (key) => report.image_ids[key] ?? null,
    selected,
    toggle,
    clear: () => setSelected(new Set()),
    decide,
    undo: last ? () => void undo() : null,
    isBusy: isPending,
    mayDecide,
  };
}
