/** One model on one dataset version: not evaluated yet, evaluating, or its figures. */

import { type ReactNode, useMemo, useState } from 'react';
import type { JobOut, ModelOut, VersionOut } from '../../api/schema';
import { Button } from '../../components/Button';
import { EmptyState } from '../../components/EmptyState';
import { PageHeader } from '../../components/PageHeader';
import { Problem } from '../../components/Problem';
import { Tabs } from '../../components/Tabs';
import { isOpen, useJob, useSubmit } from '../../data/jobs';
import { useProject } from '../../data/projects';
import { jobFileUrl, latestJob, useJobFile } from '../../data/results';
import { useMay } from '../../data/session';
import { t } from '../../texts';
import { JobProgress } from '../jobs/JobProgress';
import { ComparePanel } from './ComparePanel';
import { type CostInput, costsFrom } from './costs';
import type { Points } from './decide';
import { type EvaluationFile, readEvaluation } from './payload';
import { ThresholdsView } from './ThresholdsView';

type ModelEvaluationProps = {
  readonly model: ModelOut;
  readonly models: readonly ModelOut[];
  readonly version: VersionOut;
  readonly jobs: readonly JobOut[];
  readonly choices: ReactNode;
  readonly onModel: (id: string) => void;
};

export function ModelEvaluation(props: ModelEvaluationProps) {
  const { model, models, version, jobs, choices, onModel } = props;
  const { id: projectId, problem } = useProject();
  // Here, so that they outlast a look at the other tab.
  const [points, setPoints] = useState<Points>({ review: model.t_review, ng: model.t_ng });
  const [costs, setCosts] = useState<CostInput>(() => costsFrom(problem));
  const [startedId, setStartedId] = useState<string | null>(null);
  const about = { model_id: model.id, version_id: version.id };
  const latest = latestJob(jobs, 'evaluate', about);
  const running = useJob(startedId ?? (latest && isOpen(latest) ? latest.id : null));
  const own = latestJob(jobs, 'evaluate', about, ['done']);
  const parent = models.find((one) => one.id === model.parent_id) ?? null;
  const lent =
    !own && parent
      ? latestJob(jobs, 'evaluate', { ...about, model_id: parent.id }, ['done'])
      : null;
  const file = useJobFile<EvaluationFile>(own ?? lent, 'evaluation.json');
  const evaluation = useMemo(() => file.data && readEvaluation(file.data), [file.data]);
  const isRunning = running.data !== undefined && isOpen(running.data);
  const failed = running.data?.state === 'failed' ? running.data : !own ? latest : null;
  const start = (
    <StartButton {...{ model, version, isRunning }} isAgain={own !== null} onStart={setStartedId} />
  );
  const measured = own ? model : parent;
  return (
    <div className="page">
      <PageHeader title={t.nav.evaluate}>
        {own && (
          <a className="button" href={jobFileUrl(projectId, own.id, 'report.html')} download>
            {t.evaluate.report}
          </a>
        )}
        {(own || lent) && start}
      </PageHeader>
      <div className="evaluate-top">
        {choices}
        {isRunning && running.data && <JobProgress job={running.data} />}
        {!isRunning && failed?.state === 'failed' && <JobProgress job={failed} />}
        {lent && parent && (
          <p className="warning" role="note">
            {t.evaluate.unfair(parent.number)}
          </p>
        )}
      </div>
      {file.error && <Problem error={file.error} onRetry={() => void file.refetch()} />}
      {!own && !lent && !isRunning && (
        <EmptyState icon="evaluate" title={t.evaluate.run.title} text={whyEmpty(model, version)}>
          {start}
        </EmptyState>
      )}
      {evaluation && measured && (
        <Tabs
          label={t.evaluate.tabs.label}
          tabs={[
            {
              key: 'thresholds',
              name: t.evaluate.tabs.thresholds,
              content: (
                <ThresholdsView
                  {...{ model, measured, version, onModel, points, costs }}
                  onPoints={setPoints}
                  onCosts={setCosts}
                  evaluation={evaluation}
                />
              ),
            },
            {
              key: 'compare',
              name: t.evaluate.tabs.compare,
              content: <ComparePanel {...{ model, models, version, jobs }} />,
            },
          ]}
        />
      )}
    </div>
  );
}

function whyEmpty(model: ModelOut, version: VersionOut): string {
  const texts = t.evaluate.run;
  const images = version.test_good + version.test_bad;
  if (images === 0) return texts.textNone;
  return model.parent_id ? `${texts.chosen} ${texts.text(images)}` : texts.text(images);
}

type StartButtonProps = {
  readonly model: ModelOut;
  readonly version: VersionOut;
  readonly isRunning: boolean;
  readonly isAgain: boolean;
  readonly onStart: (jobId: string) => void;
};

function StartButton({ model, version, isRunning, isAgain, onStart }: StartButtonProps) {
  const mayStart = useMay('upload');
  const submit = useSubmit();
  const texts = t.evaluate.run;
  return (
    <>
      <Button
        look={isAgain ? 'plain' : 'primary'}
        icon="evaluate"
        disabled={
          !mayStart || isRunning || submit.isPending || version.test_good + version.test_bad === 0
        }
        title={mayStart ? undefined : texts.mayNot}
        onClick={() =>
          submit.mutate(
            { kind: 'evaluate', model_id: model.id, version_id: version.id, settings: {} },
            { onSuccess: (job) => onStart(job.id) },
          )
        }
      >
        {submit.isPending ? texts.starting : isAgain ? texts.again : texts.start}
      </Button>
      {submit.error && <Problem error={submit.error} />}
    </>
  );
}
