/** Thresholds of least cost, looked for by the server; they become a model of their own. */

import { useState } from 'react';
import type { ModelOut, VersionOut } from '../../api/schema';
import { Button } from '../../components/Button';
import { Dialog } from '../../components/Dialog';
import { CheckField } from '../../components/Field';
import { Problem } from '../../components/Problem';
import { isOpen, useJob, useSubmit } from '../../data/jobs';
import { useModels } from '../../data/models';
import { t } from '../../texts';
import { JobProgress } from '../jobs/JobProgress';
import { calibrateSettings, canChoose } from './costs';
import type { Costs } from './decide';

type ChooseDialogProps = {
  readonly model: ModelOut;
  readonly version: VersionOut;
  readonly costs: Costs;
  /** Test images. */
  readonly tested: number;
  readonly onModel: (id: string) => void;
  readonly onClose: () => void;
};

const ENOUGH_FOR_HALVES = 40;

export function ChooseDialog(props: ChooseDialogProps) {
  const { model, version, costs, tested, onModel, onClose } = props;
  const [half, setHalf] = useState(tested >= ENOUGH_FOR_HALVES);
  const [jobId, setJobId] = useState<string | null>(null);
  const submit = useSubmit();
  const job = useJob(jobId);
  const models = useModels();
  const texts = t.evaluate.choose;
  const result = job.data?.result as { model_id?: string } | null | undefined;
  const made = models.data?.find((one) => one.id === result?.model_id);
  const isWorking = submit.isPending || (job.data !== undefined && isOpen(job.data));
  const start = () =>
    submit.mutate(
      {
        kind: 'calibrate',
        model_id: model.id,
        version_id: version.id,
        settings: calibrateSettings(costs, half),
      },
      { onSuccess: (submitted) => setJobId(submitted.id) },
    );
  return (
    <Dialog
      title={texts.title}
      onClose={onClose}
      actions={
        made ? (
          <Button look="primary" onClick={() => onModel(made.id)}>
            {texts.open(made.number)}
          </Button>
        ) : (
          <>
            <Button onClick={onClose}>{t.common.cancel}</Button>
            <Button look="primary" disabled={isWorking || !canChoose(costs)} onClick={start}>
              {isWorking ? texts.working : texts.start}
            </Button>
          </>
        )
      }
    >
      <div className="dialog-stack">
        <p>{texts.text}</p>
        <CheckField label={texts.half} value={half} onChange={setHalf} />
        <p className="quiet">{texts.halfHint}</p>
        {!canChoose(costs) && <p className="warning">{texts.error}</p>}
        {submit.error && <Problem error={submit.error} />}
        {job.data && <JobProgress job={job.data} />}
        {made && <p role="status">{texts.done(made.number)}</p>}
      </div>
    </Dialog>
  );
}
