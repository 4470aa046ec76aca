/** What is promised of the thresholds, and saving them as a model of their own. */

import { useState } from 'react';
import type { ModelOut, VersionOut } from '../../api/schema';
import { Button } from '../../components/Button';
import { Dialog } from '../../components/Dialog';
import { TextField } from '../../components/Field';
import { Problem } from '../../components/Problem';
import { useNotify } from '../../components/Toasts';
import { useSetThresholds } from '../../data/models';
import { useMay } from '../../data/session';
import { t } from '../../texts';
import { StatusBadge } from '../train/StatusBadge';
import { statusOf } from '../train/status';
import type { Points } from './decide';

type SavePanelProps = {
  readonly model: ModelOut;
  readonly version: VersionOut;
  readonly points: Points;
  readonly isOwn: boolean;
  readonly tested: number;
  readonly onModel: (id: string) => void;
};

export function SavePanel(props: SavePanelProps) {
  const { model, isOwn } = props;
  const [isSaving, setSaving] = useState(false);
  const maySave = useMay('engineer');
  const { promise, save } = t.evaluate;
  const status = isOwn ? statusOf(model.threshold) : 'moved';
  return (
    <section className="panel" aria-label={save.button}>
      <p className="promise">
        <StatusBadge status={status} words={isOwn ? model.threshold.words : promise.moved} />{' '}
        {isOwn ? promise.own : promise.moved}
      </p>
      {isOwn && (
        <details>
          <summary>{promise.rests}</summary>
          <p className="quiet">{model.threshold.words}</p>
        </details>
      )}
      <Button
        look="primary"
        icon="save"
        disabled={isOwn || !maySave}
        title={maySave ? (isOwn ? save.same : undefined) : save.mayNot}
        onClick={() => setSaving(true)}
      >
        {save.button}
      </Button>
      {isSaving && <SaveDialog {...props} onClose={() => setSaving(false)} />}
    </section>
  );
}

type SaveDialogProps = SavePanelProps & { readonly onClose: () => void };

function SaveDialog({ model, version, points, tested, onModel, onClose }: SaveDialogProps) {
  const [why, setWhy] = useState('');
  const [isMissing, setMissing] = useState(false);
  const notify = useNotify();
  const save = useSetThresholds(model.id);
  const texts = t.evaluate.save;
  const submit = () => {
    if (why.trim() === '') return setMissing(true);
    save.mutate(
      { t_review: points.review, t_ng: points.ng, why: why.trim(), version_id: version.id },
      {
        onSuccess: (made) => {
          notify(texts.saved(made.number), 'good');
          onModel(made.id);
        },
      },
    );
  };
  return (
    <Dialog
      title={texts.title}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{t.common.cancel}</Button>
          <Button look="primary" disabled={save.isPending} onClick={submit}>
            {save.isPending ? texts.saving : t.common.save}
          </Button>
        </>
      }
    >
      <div className="dialog-stack">
        <p>{texts.text(points.review.toFixed(3), points.ng.toFixed(3))}</p>
        <p className="warning">{texts.honest(tested)}</p>
        <TextField
          label={texts.why}
          value={why}
          error={isMissing && why.trim() === '' ? texts.whyError : null}
          onChange={setWhy}
        />
        {save.error && <Problem error={save.error} />}
      </div>
    </Dialog>
  );
}
