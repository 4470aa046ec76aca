import { useId, useState } from 'react';
import type { ModelOut } from '../../api/schema';
import { Button } from '../../components/Button';
import { Dialog } from '../../components/Dialog';
import { Problem } from '../../components/Problem';
import { useNotify } from '../../components/Toasts';
import { useApprove } from '../../data/approval';
import { t } from '../../texts';
import { whyKind } from './approval';
import { Comparison, useComparison } from './Comparison';

type ApproveDialogProps = {
  readonly model: ModelOut;
  readonly inUse: ModelOut;
  readonly onClose: () => void;
};

/** Puts a model in the place of the one in use, with what speaks for it. */
export function ApproveDialog({ model, inUse, onClose }: ApproveDialogProps) {
  const notify = useNotify();
  const approve = useApprove();
  const found = useComparison(model, inUse);
  const [why, setWhy] = useState('');
  const id = useId();
  const texts = t.deploy.dialog;
  const isRollBack = model.number < inUse.number;
  const kind = whyKind(isRollBack, found.compared);
  const labels = {
    optional: texts.whyOptional,
    without: texts.whyWithout,
    against: texts.whyAgainst,
    back: texts.whyBack,
  };
  const isMissing = kind !== 'optional' && why.trim() === '';

  function confirm() {
    const evidence = found.compared && found.job ? { comparison_job_id: found.job.id } : {};
    approve.mutate(
      { modelId: model.id, why: why.trim(), ...evidence },
      {
        onSuccess: () => {
          notify(t.deploy.approved(model.number), 'good');
          onClose();
        },
      },
    );
  }
  return (
    <Dialog
      title={isRollBack ? texts.rollBack(model.number) : texts.approve(model.number)}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{t.common.cancel}</Button>
          <Button
            look="primary"
            disabled={isMissing || approve.isPending}
            title={isMissing ? texts.needed : undefined}
            onClick={confirm}
          >
            {isRollBack ? texts.rollBack(model.number) : texts.approve(model.number)}
          </Button>
        </>
      }
    >
      <div className="approve">
        <p>{texts.replaces(inUse.number)}</p>
        {!isRollBack && <Comparison model={model} inUse={inUse} found={found} />}
        <div className="field">
          <label htmlFor={id}>{labels[kind]}</label>
          <textarea
            id={id}
            rows={2}
            maxLength={400}
            value={why}
            aria-describedby={`${id}-hint`}
            onChange={(event) => setWhy(event.target.value)}
          />
          <p id={`${id}-hint`} className="field-hint">
            {isMissing ? texts.needed : texts.kept}
          </p>
        </div>
        {approve.error && <Problem error={approve.error} />}
      </div>
    </Dialog>
  );
}
