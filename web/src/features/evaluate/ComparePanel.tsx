/** Whether this model is not worse than another one, and every image whose decision changed. */

import { useState } from 'react';
import type { JobOut, ModelOut, VersionOut } from '../../api/schema';
import { Button } from '../../components/Button';
import { ChoiceField } from '../../components/Field';
import { Problem } from '../../components/Problem';
import { isOpen, useJob, useSubmit } from '../../data/jobs';
import { useProject } from '../../data/projects';
import { jobFileUrl, latestJob } from '../../data/results';
import { useMay } from '../../data/session';
import { t } from '../../texts';
import { JobProgress } from '../jobs/JobProgress';
import { type Comparison, ComparisonView } from './ComparisonView';

type ComparePanelProps = {
  readonly model: ModelOut;
  readonly models: readonly ModelOut[];
  readonly version: VersionOut;
  readonly jobs: readonly JobOut[];
};

export function ComparePanel({ model, models, version, jobs }: ComparePanelProps) {
  const { id: projectId } = useProject();
  const others = models.filter((one) => one.id !== model.id);
  // Images that chose thresholds are no fair test: rather a model that came from a training.
  const usual =
    others.find((one) => one.approved) ?? others.find((one) => !one.parent_id) ?? others[0];
  const [otherId, setOtherId] = useState<string | null>(null);
  const [startedId, setStartedId] = useState<string | null>(null);
  const submit = useSubmit();
  const mayStart = useMay('upload');
  const other = others.find((one) => one.id === otherId) ?? usual;
  const about = { model_id: model.id, other_model_id: other?.id ?? '', version_id: version.id };
  const latest = latestJob(jobs, 'compare', about);
  const job = useJob(startedId ?? latest?.id ?? null);
  const texts = t.evaluate.compare;
  if (!other) return <p className="evaluate-compare quiet">{texts.none}</p>;
  const isWorking = submit.isPending || (job.data !== undefined && isOpen(job.data));
  return (
    <div className="evaluate-compare">
      <section className="panel" aria-label={texts.start}>
        <p>{texts.text}</p>
        <div className="compare-start">
          <ChoiceField
            label={texts.with}
            value={other.id}
            options={others.map((one) => one.id)}
            names={Object.fromEntries(
              others.map((one) => [
                one.id,
                t.evaluate.modelName(one.number, one.approved ? t.train.models.inUse : ''),
              ]),
            )}
            onChange={(id) => {
              setOtherId(id);
              setStartedId(null);
            }}
          />
          <Button
            look="primary"
            disabled={!mayStart || isWorking}
            onClick={() =>
              submit.mutate(
                { kind: 'compare', ...about, settings: {} },
                { onSuccess: (started) => setStartedId(started.id) },
              )
            }
          >
            {texts.start}
          </Button>
          {job.data?.state === 'done' && (
            <a className="button" href={jobFileUrl(projectId, job.data.id, 'compare.pdf')} download>
              {texts.pdf}
            </a>
          )}
        </div>
        {submit.error && <Problem error={submit.error} />}
        {job.data && job.data.state !== 'done' && <JobProgress job={job.data} />}
      </section>
      {job.data?.state === 'done' && (
        <ComparisonView comparison={job.data.result as unknown as Comparison} />
      )}
    </div>
  );
}
