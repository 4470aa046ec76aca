/** Decisions on several images at once, undo, and the step to a new dataset version. */

import { useState } from 'react';
import type { VersionOut } from '../../api/schema';
import { Button } from '../../components/Button';
import { useNotify } from '../../components/Toasts';
import { pageLink } from '../../data/links';
import { useProject } from '../../data/projects';
import { useMay } from '../../data/session';
import { useFreeze } from '../../data/starting';
import { useSummary } from '../../data/summary';
import { errorText, t } from '../../texts';
import { useDecisions } from './useDecisions';

export function DecisionBar() {
  const { id: projectId } = useProject();
  const decisions = useDecisions();
  const notify = useNotify();
  const freeze = useFreeze();
  const mayFreeze = useMay('engineer');
  const [frozen, setFrozen] = useState<VersionOut | null>(null);
  const texts = t.health.bar;
  const leftOut = useSummary(projectId).data?.left_out ?? 0;
  const selected = [...decisions.selected];
  const decide = (decision: 'leave_out' | 'keep') => decisions.decide(selected, decision);
  return (
    <div className="decision-bar" role="toolbar" aria-label={texts.label}>
      {selected.length > 0 && (
        <>
          <span>{texts.selected(selected.length)}</span>
          <Button
            disabled={!decisions.mayDecide}
            title={decisions.mayDecide ? undefined : texts.mayNot}
            onClick={() => decide('leave_out')}
          >
            {texts.leaveOut}
          </Button>
          <Button disabled={!decisions.mayDecide} onClick={() => decide('keep')}>
            {texts.keep}
          </Button>
          <Button look="quiet" onClick={decisions.clear}>
            {texts.clear}
          </Button>
        </>
      )}
      <span role="status">{texts.leftOut(leftOut)}</span>
      {decisions.undo && (
        <Button look="quiet" icon="undo" disabled={decisions.isBusy} onClick={decisions.undo}>
          {texts.undo}
        </Button>
      )}
      <span className="decision-end">
        {frozen && (
          <span role="status">
            {texts.frozen(frozen.normals, frozen.test_good, frozen.test_bad)}
          </span>
        )}
        <Button
          look={frozen || !decisions.undo ? 'plain' : 'primary'}
          disabled={!mayFreeze || freeze.isPending || decisions.isBusy}
          onClick={() =>
            freeze.mutate(undefined, {
              onSuccess: setFrozen,
              onError: (error) => notify(errorText(error), 'bad'),
            })
          }
        >
          {freeze.isPending ? texts.freezing : texts.freeze}
        </Button>
        {frozen && (
          <a className="button button-primary" href={pageLink(projectId, 'train')}>
            {texts.train}
          </a>
        )}
      </span>
    </div>
  );
}
