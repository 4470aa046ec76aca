import { useEffect, useMemo, useRef, useState } from 'react';
import type { InspectionOut } from '../../api/schema';
import { useSharedView } from '../../canvas/useSharedView';
import { Button, IconButton } from '../../components/Button';
import { EmptyState } from '../../components/EmptyState';
import { Problem } from '../../components/Problem';
import { useNotify } from '../../components/Toasts';
import { useKeys } from '../../components/useKeys';
import { VerdictBadge } from '../../components/VerdictBadge';
import { byUrgency, contentOf } from '../../data/inspectionContent';
import { useInspection, useLearn, useReasonsGiven } from '../../data/inspections';
import { pageLink } from '../../data/links';
import { useProject } from '../../data/projects';
import { useMay } from '../../data/session';
import { useSummary } from '../../data/summary';
import { errorText, t } from '../../texts';
import { Compare, useCompared, usePlaces } from './Compare';
import { DecisionButtons, LastDecision } from './DecisionBar';
import { areKeysOn, KeysHelp } from './KeysHelp';
import { PictureTools, type Shown, shownByKey } from './PictureTools';
import { catalogueOf, reasonsFor } from './queue';
import { ReasonField } from './ReasonField';
import { useBlink } from './useBlink';
import { type Queue, useQueue } from './useQueue';

/** What the model stopped or was unsure of, one after the other, judged by one key each. */
export function QueueView({ asked }: { readonly asked: string | null }) {
  const { id } = useProject();
  const queue = useQueue(asked);
  const texts = t.inspect.queue;
  const learn = useLastLearn(queue);
  const isNone = queue.current === null && queue.list.data !== undefined;
  useKeys(isNone && areKeysOn(), (key, event) => undoKey(key, event, queue) || learn.key(key));
  if (queue.list.error && !queue.list.data)
    return <Problem error={queue.list.error} onRetry={() => void queue.list.refetch()} />;
  if (!isNone)
    return queue.current ? <OpenInspection key="open" queue={queue} learn={learn} /> : null;
  return (
    <>
      {queue.last && <LastDecision queue={queue} learn={learn.learn} onLearn={learn.go} />}
      <EmptyState icon="quality" title={texts.emptyTitle} text={texts.emptyText}>
        <a className="button button-primary" href={pageLink(id, 'inspect')}>
          {texts.emptyAction}
        </a>
      </EmptyState>
    </>
  );
}

function useLastLearn(queue: Queue) {
  const notify = useNotify();
  const learn = useLearn();
  const may = useMay('upload');
  const { last } = queue;
  const can = may && last?.decision === 'ok' && !last.isLearned && !learn.isPending;
  function go() {
    if (!can || !last) return;
    learn.mutate(last.id, {
      onSuccess: () => queue.markLearned(last.id),
      onError: (error) => notify(errorText(error), 'bad'),
    });
  }
  const key = (pressed: string): boolean => {
    if (pressed !== 'l' && pressed !== 'L') return false;
    go();
    return true;
  };
  return { learn, go, key };
}

function undoKey(key: string, event: KeyboardEvent, queue: Queue): boolean {
  const isUndo = event.ctrlKey || event.metaKey ? key === 'z' : key === 'u' || key === 'U';
  if (isUndo) queue.undo();
  return isUndo;
}

function OpenInspection({
  queue,
  learn,
}: {
  readonly queue: Queue;
  readonly learn: ReturnType<typeof useLastLearn>;
}) {
  const texts = t.inspect.queue;
  const found = useInspection(queue.current);
  const inspection = found.data;
  const summary = useSummary(queue.projectId);
  const reasons = useReasons();
  const [reason, setReason] = useState('');
  const [shown, setShown] = useState<Shown>({ heat: false, outlines: true });
  const [isHelpOpen, setIsHelpOpen] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const compared = useCompared(inspection, shown.heat);
  const control = useSharedView(compared.frame, inspection?.id ?? '');
  const places = usePlaces(inspection, compared);
  const blink = useBlink();
  const verdict = inspection?.verdict === 'review' ? 'review' : 'ng';
  /** Nobody judges by a key too many what was not there to be seen. */
  const isSeen =
    inspection !== undefined &&
    (compared.captured !== null || compared.error !== null || inspection.image_gone);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each picture has its own reason
  useEffect(() => {
    setReason('');
    blink.stop();
  }, [queue.current]);

  function decide(decision: 'ok' | 'ng') {
    if (!isSeen) return;
    queue.decide(verdict, decision, reason);
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
  }

  function plainKey(key: string): boolean {
    const digit = reasons[Number(key) - 1];
    const next = shownByKey(key, shown);
    if (key === 'Enter' || key === 'n' || key === 'N') decide('ng');
    else if (key === 'o' || key === 'O') decide('ok');
    else if (key === 'b' || key === 'B') blink.toggle();
    else if (key === 'z' || key === 'Z') control.showNext(places);
    else if (next) setShown(next);
    else if (digit) setReason(reason === digit.text ? '' : digit.text);
    else if (key === 'r' || key === 'R') input.current?.focus();
    else if (key === '.' || key === ',') queue.step(key === '.' ? 1 : -1);
    else if (key === '?') setIsHelpOpen(true);
    else return learn.key(key) || control.key(key);
    return true;
  }
  const [isOn, setIsOn] = useState(areKeysOn);
  useKeys(isOn, (key, event) => {
    if (undoKey(key, event, queue)) return true;
    return !event.ctrlKey && !event.metaKey && !event.altKey && plainKey(key);
  });

  const count = Math.max(queue.waiting.length, summary.data?.queue ?? 0);
  return (
    <section className="queue" aria-label={texts.title}>
      <header className="queue-head">
        <p className="queue-count" aria-live="polite">
          {texts.waits(count)}
        </p>
        {inspection && <Facts inspection={inspection} />}
        <div className="queue-tools">
          <IconButton
            icon="blink"
            label={t.inspect.view.blink}
            keys="B"
            aria-pressed={blink.shown !== null}
            onClick={blink.toggle}
          />
          <PictureTools control={control} shown={shown} onShown={setShown} places={places} />
          <IconButton icon="help" label={texts.help} keys="?" onClick={() => setIsHelpOpen(true)} />
        </div>
      </header>
      {found.error && <Problem error={found.error} onRetry={() => void found.refetch()} />}
      {inspection?.review && !queue.decided.has(inspection.id) && (
        <p className="queue-note">
          {texts.already(inspection.review, inspection.reviewed_by ?? '')}{' '}
          <Button onClick={() => queue.step(1)}>{texts.next}</Button>
        </p>
      )}
      {inspection ? (
        <Compare
          inspection={inspection}
          compared={compared}
          control={control}
          shown={shown}
          blink={blink.shown}
        />
      ) : (
        <div className="panes" aria-busy="true" />
      )}
      <footer className="queue-foot">
        <ReasonField reasons={reasons} value={reason} onChange={setReason} input={input} />
        <div className="queue-decide">
          <DecisionButtons
            verdict={verdict}
            disabled={!isSeen}
            onDecide={decide}
            onLater={() => queue.step(1)}
          />
          <LastDecision queue={queue} learn={learn.learn} onLearn={learn.go} />
        </div>
      </footer>
      {isHelpOpen && <KeysHelp isOn={isOn} onIsOn={setIsOn} onClose={() => setIsHelpOpen(false)} />}
    </section>
  );
}

function Facts({ inspection }: { readonly inspection: InspectionOut }) {
  const texts = t.inspect.result;
  const regions = byUrgency(contentOf(inspection).regions).filter((one) => one.verdict !== 'ok');
  const where = [
    inspection.part_id ?? texts.noPart,
    inspection.line,
    t.common.date(inspection.created_s),
  ];
  return (
    <div className="queue-facts">
      <VerdictBadge verdict={inspection.verdict} />
      <strong>{where.filter(Boolean).join(' · ')}</strong>
      <ul aria-label={texts.regions}>
        {regions.map((region) => (
          <li key={region.id} title={region.reason?.message}>
            {region.name} <VerdictBadge verdict={region.verdict} />{' '}
            {region.deviation_score !== null && texts.scoreOf(region.deviation_score)}
          </li>
        ))}
      </ul>
    </div>
  );
}

function useReasons() {
  const { problem } = useProject();
  const ng = useReasonsGiven('ng');
  const ok = useReasonsGiven('ok');
  return useMemo(() => {
    const given = { ng: ng.data ?? [], ok: ok.data ?? [] };
    return reasonsFor(given, catalogueOf(problem), t.inspect.queue.usual);
  }, [ng.data, ok.data, problem]);
}
