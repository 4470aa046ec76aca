import { Button } from '../../components/Button';
import type { useLearn } from '../../data/inspections';
import { pageLink } from '../../data/links';
import { useMay } from '../../data/session';
import { t } from '../../texts';
import type { Queue } from './useQueue';

type LastDecisionProps = {
  readonly queue: Queue;
  readonly learn: ReturnType<typeof useLearn>;
  readonly onLearn: () => void;
};

/** What was decided last, and what can still be done about it. */
export function LastDecision({ queue, learn, onLearn }: LastDecisionProps) {
  const mayLearn = useMay('upload');
  const texts = t.inspect.queue;
  const { last, isBack } = queue;
  const canLearn = last?.decision === 'ok' && mayLearn;
  return (
    <div className="last-decision">
      <p role="status">
        {isBack && texts.undone}
        {!isBack && last && !last.isLearned && texts.decided(last.decision, last.verdict)}
        {!isBack && last?.isLearned && texts.learned}
      </p>
      {!isBack && last?.isLearned && (
        <a href={pageLink(queue.projectId, 'train')}>{texts.learnedAction}</a>
      )}
      {canLearn && !isBack && !last.isLearned && (
        <Button icon="learn" aria-keyshortcuts="L" disabled={learn.isPending} onClick={onLearn}>
          {texts.learn}
          <kbd>L</kbd>
        </Button>
      )}
      {last && (
        <Button icon="undo" aria-keyshortcuts="U" onClick={queue.undo}>
          {texts.undo}
          <kbd>U</kbd>
        </Button>
      )}
    </div>
  );
}

type DecisionButtonsProps = {
  readonly verdict: 'ng' | 'review';
  readonly onDecide: (decision: 'ok' | 'ng') => void;
  readonly onLater: () => void;
  readonly disabled: boolean;
};

/** Large enough for a gloved finger. */
export function DecisionButtons({ verdict, onDecide, onLater, disabled }: DecisionButtonsProps) {
  const texts = t.inspect.queue;
  return (
    <div className="decisions">
      <button
        type="button"
        className="decide decide-ng"
        aria-keyshortcuts="N Enter"
        disabled={disabled}
        onClick={() => onDecide('ng')}
      >
        <strong>{texts.ng}</strong>
        <span>
          {texts.ngHint(verdict)} <kbd>N</kbd>
        </span>
      </button>
      <button
        type="button"
        className="decide decide-ok"
        aria-keyshortcuts="O"
        disabled={disabled}
        onClick={() => onDecide('ok')}
      >
        <strong>{texts.ok}</strong>
        <span>
          {texts.okHint(verdict)} <kbd>O</kbd>
        </span>
      </button>
      <Button icon="skip" aria-keyshortcuts="." onClick={onLater}>
        {texts.later}
      </Button>
    </div>
  );
}
