import { type RefObject, useEffect, useMemo, useRef, useState } from 'react';
import { useNotify } from '../../components/Toasts';
import {
  capturedAt,
  heatAt,
  referenceAt,
  useOpenInspections,
  usePrefetchInspection,
  useReview,
  useWithdraw,
} from '../../data/inspections';
import { pageLink } from '../../data/links';
import { loadPicture, preload } from '../../data/pictures';
import { useProject } from '../../data/projects';
import { errorText, t } from '../../texts';
import { ahead, type Decision, isTaken, nextOf, stepOf, stillOpen } from './queue';

const AHEAD = 2;

/** What waits, which one is open, and decisions that are sent while the next one is looked at. */
export function useQueue(asked: string | null) {
  const { id } = useProject();
  const notify = useNotify();
  const open = useOpenInspections();
  const review = useReview();
  const withdraw = useWithdraw();
  const [decisions, setDecisions] = useState<readonly Decision[]>([]);
  const [current, setCurrent] = useState(asked);
  const [isBack, setIsBack] = useState(false);
  /** What the server has not answered yet, by inspection. */
  const pending = useRef(new Map<string, Promise<unknown>>());
  useLeaveWarning(pending);
  const decided = useMemo(() => new Set(decisions.map((one) => one.id)), [decisions]);
  const items = useMemo(() => open.data?.items ?? [], [open.data]);
  const waiting = stillOpen(items, decided);
  const first = waiting[0]?.id ?? null;

  useEffect(() => setCurrent(asked), [asked]);
  useEffect(() => {
    if (current === null && first !== null) setCurrent(first);
  }, [current, first]);
  useAddress(current);
  usePreload(items, current, decided);

  function forget(inspectionId: string) {
    setDecisions((all) => all.filter((one) => one.id !== inspectionId));
  }

  /** The next one is there at once; what the server refuses comes back. */
  function decide(verdict: Decision['verdict'], decision: 'ok' | 'ng', reason: string) {
    if (current === null) return;
    const inspectionId = current;
    setIsBack(false);
    setDecisions((all) => [
      ...all.filter((one) => one.id !== inspectionId),
      { id: inspectionId, verdict, decision, isLearned: false },
    ]);
    setCurrent(nextOf(items, inspectionId, decided));
    const saving = review
      .mutateAsync({ inspectionId, decision, reason, first: true })
      .catch((error) => {
        forget(inspectionId);
        void open.refetch(); // somebody else may have judged it
        notify(t.inspect.queue[isTaken(error) ? 'taken' : 'failed'](errorText(error)), 'bad');
      })
      .finally(() => pending.current.delete(inspectionId));
    pending.current.set(inspectionId, saving);
  }

  /** The last decision is taken back and its picture is open again. */
  async function undo() {
    const last = decisions.at(-1);
    if (!last || withdraw.isPending) return;
    await pending.current.get(last.id);
    try {
      await withdraw.mutateAsync(last.id);
      forget(last.id);
      setCurrent(last.id);
      setIsBack(true);
    } catch (error) {
      notify(errorText(error), 'bad');
    }
  }

  const step = (by: 1 | -1) => {
    const next = current === null ? null : stepOf(items, current, decided, by);
    if (next !== null) setCurrent(next);
  };
  const markLearned = (inspectionId: string) =>
    setDecisions((all) =>
      all.map((one) => (one.id === inspectionId ? { ...one, isLearned: true } : one)),
    );
  return {
    list: open,
    waiting,
    current,
    last: decisions.at(-1) ?? null,
    isBack,
    decided,
    decide,
    undo: () => void undo(),
    step,
    markLearned,
    show: setCurrent,
    projectId: id,
  };
}

export type Queue = ReturnType<typeof useQueue>;

/** Nobody loses a decision by closing the page a moment too early. */
function useLeaveWarning(pending: RefObject<ReadonlyMap<string, unknown>>): void {
  useEffect(() => {
    const onLeave = (event: BeforeUnloadEvent) => {
      if (pending.current.size > 0) event.preventDefault();
    };
    window.addEventListener('beforeunload', onLeave);
    return () => window.removeEventListener('beforeunload', onLeave);
  }, [pending]);
}

/** The address names the open one, so that it can be sent to somebody; going back leaves the queue. */
function useAddress(current: string | null): void {
  const { id } = useProject();
  useEffect(() => {
    const rest = current === null ? 'queue' : `queue/${current}`;
    history.replaceState(null, '', pageLink(id, 'inspect', rest));
  }, [id, current]);
}

function usePreload(
  items: readonly { readonly id: string; readonly model_id: string }[],
  current: string | null,
  decided: ReadonlySet<string>,
): void {
  const { id } = useProject();
  const prefetch = usePrefetchInspection();
  const soon = current === null ? [] : ahead(items, current, decided, AHEAD);
  const names = soon.join(' ');
  // biome-ignore lint/correctness/useExhaustiveDependencies: when others come next
  useEffect(() => {
    if (current === null || names === '') return;
    // What is looked at now comes first.
    const present = loadPicture(capturedAt(id, current)).catch(() => null);
    void present.then(() => {
      for (const inspectionId of names.split(' ')) {
        const model = items.find((item) => item.id === inspectionId)?.model_id;
        void prefetch(inspectionId);
        preload([
          ...(model ? [referenceAt(id, model)] : []),
          capturedAt(id, inspectionId),
          heatAt(id, inspectionId),
        ]);
      }
    });
  }, [id, current, names]);
}
